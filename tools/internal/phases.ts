/**
 * The way to a server with a clock at each bend: resolve, connect, TLS. On `node:net` and
 * `node:tls`, which show a certificate that they would not trust. Private to `tools/`.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { formatAddress } from "../../net/address.ts";
import { NetError, type NetPhase, toNetError } from "../../net/errors/errors.ts";

/** Limits of one phase. */
export interface PhaseOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** Waits for what `start` begins, within the limits; `stop` ends what is late. */
export function phase<T>(
  what: NetPhase,
  address: string,
  { timeout, signal }: PhaseOptions,
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  stop: () => void = () => {},
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const fail = (error: unknown) => {
    stop();
    reject(error);
  };
  const onAbort = () => fail(signal?.reason);
  const timer = setTimeout(
    () =>
      fail(
        new NetError(`${WHAT[what] ?? "Nothing"} ${address}: nothing in ${timeout} ms`, {
          kind: "timeout",
          phase: what,
          address,
        }),
      ),
    timeout,
  );
  if (signal?.aborted) onAbort();
  else {
    signal?.addEventListener("abort", onAbort);
    start(resolve, (error) => fail(toNetError(error, { phase: what, address })));
  }
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  });
}

const WHAT: Partial<Record<NetPhase, string>> = {
  resolve: "Cannot resolve",
  connect: "Cannot connect to",
  handshake: "Cannot do a TLS handshake with",
  response: "Cannot read an answer of",
};

/** What the system's own resolver says, the file of hosts included. */
export function resolveBySystem(host: string, options: PhaseOptions): Promise<string[]> {
  if (net.isIP(host.replace(/%.*$/, "")) !== 0) return Promise.resolve([host]);
  return phase("resolve", host, options, (resolve, reject) => {
    lookup(host, { all: true }).then(
      (found) => resolve([...new Set(found.map(({ address }) => address))]),
      (error) => {
        // Node's resolver has a code where Deno's has words alone.
        const { code } = error as { code?: string };
        const sentence = code === "ENOTFOUND" ? "no such name" : "no name server answers";
        reject(
          code === "ENOTFOUND" || code?.startsWith("EAI_")
            ? new NetError(`Cannot resolve ${host}: ${sentence}`, {
              kind: "dns",
              phase: "resolve",
              address: host,
              code,
              cause: error,
            })
            : error,
        );
      },
    );
  });
}

let warm: Promise<unknown> | undefined;

/**
 * Makes a connection and a handshake that come to nothing, once: the first of a process takes up to
 * 50 ms more than any other, which is not the network's fault.
 */
export function warmUp(): Promise<unknown> {
  return warm ??= Promise.all([
    // Nobody is to be asked for a permission for this.
    Deno.permissions.querySync({ name: "net", host: "127.0.0.1:0" }).state === "granted"
      ? ended(net.connect({ host: "127.0.0.1", port: 0 }))
      : undefined,
    ended(tls.connect({ socket: new DeadEnd(), rejectUnauthorized: false })),
  ]);
}

function ended(socket: net.Socket | tls.TLSSocket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => socket.destroy();
  socket.on("error", end).once("end", end).once("close", () => resolve());
  return promise;
}

/** A stream whose other end hangs up at the first word. */
class DeadEnd extends Duplex {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
    this.push(null);
  }
}

/** Connects to one address. */
export function connectSocket(
  hostname: string,
  port: number,
  options: PhaseOptions,
): Promise<net.Socket> {
  let socket: net.Socket | undefined;
  return phase<net.Socket>(
    "connect",
    formatAddress({ hostname, port }),
    options,
    (resolve, reject) => {
      socket = net.connect({ host: hostname, port, noDelay: true });
      // A late error has nobody left to hear it, and must not end the process.
      socket.on("error", reject);
      socket.once("connect", () => resolve(socket!));
    },
    () => socket?.destroy(),
  );
}

/**
 * Does a handshake without a verdict on the certificate: the caller looks at it. With `caCerts` it is
 * measured by them alone: to read the usual ones as well takes `--allow-sys=ca`.
 */
export function shakeHands(
  socket: net.Socket,
  host: string,
  address: string,
  options: PhaseOptions & {
    caCerts: readonly string[];
    alpn: readonly string[];
    /** Looks at the connection while it is sure to be there: a server may cut it right away. */
    look?: (secure: tls.TLSSocket) => void;
  },
): Promise<tls.TLSSocket> {
  let secure: tls.TLSSocket | undefined;
  return phase<tls.TLSSocket>("handshake", address, options, (resolve, reject) => {
    secure = tls.connect({
      socket,
      // An address is no server name (RFC 6066 §3).
      ...(net.isIP(host) === 0 && { servername: host }),
      ALPNProtocols: [...options.alpn],
      rejectUnauthorized: false,
      // Of an address Node would ask whether the certificate is for localhost.
      checkServerIdentity: () => undefined,
      ...(options.caCerts.length > 0 && { ca: [...options.caCerts] }),
    });
    const ended = () => reject(new Deno.errors.UnexpectedEof("the peer ended the connection"));
    secure.on("error", reject);
    secure.once("end", ended);
    secure.once("close", ended);
    secure.once("secureConnect", () => {
      secure?.off("end", ended);
      secure?.off("close", ended);
      options.look?.(secure!);
      resolve(secure!);
    });
  }, () => {
    secure?.destroy();
    socket.destroy();
  });
}

/** Destroys a socket and waits until it is gone. */
export async function destroy(socket: net.Socket | tls.TLSSocket): Promise<void> {
  if (socket.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  socket.destroy();
  await promise;
}
