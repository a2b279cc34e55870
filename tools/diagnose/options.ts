/**
 * The options of a diagnosis.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { DnsType } from "../../net/dns/record.ts";
import type { DiagnoseStep, DiagnoseStepName } from "./diagnosis.ts";

/** Options of `diagnose`. All times are in milliseconds. */
export interface DiagnoseOptions {
  /**
   * Which steps to take. What one needs of those before it is done anyway: a name is resolved.
   *
   * @default all
   */
  steps?: readonly DiagnoseStepName[];
  /**
   * How long each wait may be: for an address, a connection, a handshake, an answer.
   *
   * @default 5000
   */
  timeout?: number;
  /**
   * How long finding the route may take.
   *
   * @default 20000
   */
  traceTimeout?: number;
  /**
   * How many echo requests are sent.
   *
   * @default 4
   */
  count?: number;
  /**
   * A name server to ask besides the system's resolver: its IP address, and a port if it is not 53.
   *
   * @default none
   */
  server?: string;
  /**
   * The types of records to ask the name server for.
   *
   * @default A and AAAA, where the system does not know the name or `server` is given
   */
  types?: readonly DnsType[];
  /** Authorities to trust besides the usual ones, as PEM. @default none */
  caCerts?: readonly string[];
  /** Called with each step when it is done. */
  onStep?: (step: DiagnoseStep) => void;
  /** Gives up; it rejects with the signal's reason, and no program is left running. */
  signal?: AbortSignal;
}
