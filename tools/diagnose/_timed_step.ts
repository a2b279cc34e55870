import type { DnsQuerySettings } from "../../net/dns/query_options.ts";
import type { DnsType } from "../../net/dns/record.ts";
import type { TraceDnsOptions } from "../../net/dns/trace.ts";
import { toNetError } from "../../net/errors/errors.ts";
import type { ProxyServer } from "../../http/internal/proxy_server.ts";
import type { ServerTarget } from "../internal/name_server.ts";
import type { DiagnosedStep, DiagnoseTarget } from "./diagnosis.ts";

/** The options of a diagnosis with all defaults. */
export interface Walk {
  readonly target: DiagnoseTarget;
  readonly timeout: number;
  readonly traceTimeout: number;
  readonly count: number;
  /** The name servers that the user named, and the one to compare them with. */
  readonly servers: readonly ServerTarget[];
  readonly compare: ServerTarget | undefined;
  /** The settings of the queries of name servers. */
  readonly settings: DnsQuerySettings;
  /** The start of a trace of the name; undefined for no trace. */
  readonly traced: Pick<TraceDnsOptions, "port" | "roots"> | undefined;
  /** Record types to query in any case; undefined if the resolver of the system is enough. */
  readonly types: readonly DnsType[] | undefined;
  readonly caCerts: readonly string[];
  /** The certificate of this client, and its key. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly pin: readonly string[];
  /** Additional fields of HTTP requests. */
  readonly headers: Headers;
  /** The proxy that leads to the target; undefined for none. */
  readonly proxy: ProxyServer | undefined;
  /** The IP version of the addresses to use; undefined for both. */
  readonly family: 4 | 6 | undefined;
  /** The host that this machine connects to: the target, or the proxy. */
  readonly hop: { readonly host: string; readonly port: number };
  readonly signal: AbortSignal | undefined;
  readonly os: string;
  /** `performance.now()` at the start. */
  readonly since: number;
}

/** The findings of a step. Its times are added. */
export type Found<S extends DiagnosedStep> = Omit<S, "start" | "time" | "step">;

/** Runs a step and measures its time. A thrown error becomes a failed step. */
export async function timed<S extends DiagnosedStep, N extends string>(
  walk: Walk,
  step: N,
  rest: Omit<S, keyof DiagnosedStep | "step">,
  work: () => Promise<Found<S>>,
): Promise<Found<S> & { step: N; start: number; time: number }> {
  const begun = performance.now();
  const times = () => ({ start: begun - walk.since, time: performance.now() - begun });
  try {
    const found = await work();
    return { step, ...times(), ...found };
  } catch (thrown) {
    if (walk.signal?.aborted && thrown === walk.signal.reason) throw thrown;
    if (thrown instanceof TypeError || thrown instanceof RangeError) throw thrown;
    const error = toNetError(thrown, { address: walk.target.host });
    if (error.kind === "permission") throw error;
    const failed = { status: "failed", text: error.message, error, ...rest } as Found<S>;
    return { step, ...failed, ...times() };
  }
}
