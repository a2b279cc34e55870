/**
 * A handshake that reports what the server shows, and does not end if the server is not trusted. The
 * verdict is that of `connectTls`, because both verify by the same function.
 *
 * @module
 */

import type { TlsVersion, Transport } from "../../connection/transport.ts";
import { type NetError, toNetError } from "../../errors/errors.ts";
import { withDeadline } from "../../internal/deadline.ts";
import { type DialTlsOptions, handshakeTooLong } from "../_handshake.ts";
import { MachineTransport } from "../_machine_transport.ts";
import { addressOf, clientSide } from "../_node_tls.ts";

/** The results of a handshake. */
export interface TlsProbe {
  /** The encrypted connection. It is open if there is no `failure`. */
  readonly transport: Transport;
  readonly version: TlsVersion | undefined;
  readonly cipher: string | undefined;
  readonly alpnProtocol: string | null;
  /** The certificates that the server has sent (DER), its own one first. */
  readonly peerCertificates: readonly Uint8Array[];
  /** The reason why a client does not trust the server. */
  readonly refusal: NetError | undefined;
  /** The reason why the handshake has failed otherwise. */
  readonly failure: NetError | undefined;
}

/**
 * Performs the client side of a handshake over `raw`, whatever certificate the server shows.
 *
 * @throws The reason of `signal`, when it is aborted. `raw` is closed then.
 */
export async function probeTls(raw: Transport, options: DialTlsOptions): Promise<TlsProbe> {
  const { handshakeTimeout: timeout, signal } = options;
  const address = addressOf(raw, options);
  const { create, verify } = clientSide(options, address);
  const machine = create();
  const transport = new MachineTransport(machine, raw);
  let refusal: NetError | undefined;
  let failure: NetError | undefined;
  const asError = (error: unknown) => toNetError(error, { phase: "handshake", address });
  const judged = transport.handshake((shown) => {
    try {
      verify(shown);
    } catch (error) {
      refusal = asError(error);
    }
  });
  try {
    await withDeadline(judged, timeout, () => handshakeTooLong(address, timeout), signal);
  } catch (error) {
    if (signal?.aborted) {
      transport.close();
      throw signal.reason;
    }
    failure = asError(error);
  }
  const { version, cipher, alpnProtocol, peerCertificates } = machine;
  if (failure !== undefined) transport.close();
  return { transport, version, cipher, alpnProtocol, peerCertificates, refusal, failure };
}
