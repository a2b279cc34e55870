/**
 * The phases of a connection, each with a time limit: resolve, connect, TLS handshake. They use
 * `node:net` and `node:tls`, which also show an untrusted certificate.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { formatAddress } from "../../net/address.ts";
import { NetError, type NetPhase, toNetError } from "../../net/errors/errors.ts";
import { Alarm } from "../../net/internal/timer.ts";

/** Limits of one phase. */
export interface PhaseOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs a phase within its limits; `start` begins it, and `stop` cancels it after a failure. */
export function phase<T>(
  what: Phase,
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
  const alarm = new Alarm(() => {
    const message = `${FAILURES[what]} ${address}: no answer in ${timeout} ms`;
    fail(new NetError(message, { kind: "timeout", phase: what, address }));
  });
  alarm.start(timeout);
  if (signal?.aborted) onAbort();
  else {
    signal?.addEventListener("abort", onAbort);
    start(resolve, (error) => fail(toNetError(error, { phase: what, address })));
  }
  return promise.finally(() => {
    alarm.stop();
    signal?.removeEventListener("abort", onAbort);
  });
}

/** The phases that this module can run. */
type Phase = Extract<NetPhase, "resolve" | "connect" | "handshake" | "response">;

const FAILURES: Readonly<Record<Phase, string>> = {
  resolve: "Cannot resolve",
  connect: "Cannot connect to",
  handshake: "Cannot do a TLS handshake with",
  response: "Cannot read a response of",
};

/** Resolves a name by the resolver of the system, the hosts file included. */
export function resolveBySystem(host: string, options: PhaseOptions): Promise<string[]> {
  if (net.isIP(host.replace(/%.*$/, "")) !== 0) return Promise.resolve([host]);
  return phase("resolve", host, options, (resolve, reject) => {
    lookup(host, { all: true }).then(
      (found) => resolve([...new Set(found.map(({ address }) => address))]),
      (error) => {
        // The errors of Node have a code; those of Deno have only a message.
        const { code } = error as { code?: string };
        const sentence = code === "ENOTFOUND" ? "no such name" : "no name server answers";
        // Node's error for a missing permission names no flag.
        if (code === "EPERM") return reject(new Deno.errors.NotCapable(requiresNet(host)));
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

/** Returns the message of Deno, which says what to do. */
function requiresNet(host: string): string {
  return `Requires net access to "${host}", run again with the --allow-net flag`;
}

let warm: Promise<unknown> | undefined;

/**
 * Makes one connection and one handshake that fail, to load code of the runtime. The first connection
 * of a process takes up to 50 ms longer, which must not count as a time of the network.
 */
export function warmUp(): Promise<unknown> {
  return warm ??= Promise.all([
    // The warm-up must not prompt for a permission.
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

/** A stream whose other end closes at the first write. */
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
      // Without a listener, a late error would end the process.
      socket.on("error", reject);
      socket.once("connect", () => resolve(socket!));
    },
    () => socket?.destroy(),
  );
}

/**
 * Does a handshake with any certificate; the caller checks the certificate. With `caCerts`, only these
 * authorities are trusted, because reading the usual ones as well needs `--allow-sys=ca`.
 */
export function shakeHands(
  socket: net.Socket,
  host: string,
  address: string,
  options: PhaseOptions & {
    caCerts: readonly string[];
    alpn: readonly string[];
    /** Called right after the handshake, because a server may close the connection at once. */
    look?: (secure: tls.TLSSocket) => void;
  },
): Promise<tls.TLSSocket> {
  let secure: tls.TLSSocket | undefined;
  return phase<tls.TLSSocket>("handshake", address, options, (resolve, reject) => {
    secure = tls.connect({
      socket,
      // An address is not allowed as a server name (RFC 6066 section 3).
      ...(net.isIP(host) === 0 && { servername: host }),
      ALPNProtocols: [...options.alpn],
      rejectUnauthorized: false,
      // For an address, Node would check the name "localhost".
      checkServerIdentity: () => undefined,
      ...(options.caCerts.length > 0 && { ca: [...options.caCerts] }),
    });
    // node:tls of Deno reads the certificates first, and a malformed one would end the process.
    secure.getPeerCertificate = () => ({}) as tls.DetailedPeerCertificate;
    const ended = () => reject(new Deno.errors.UnexpectedEof("the peer ended the connection"));
    secure.on("error", reject);
    secure.once("end", ended);
    secure.once("close", ended);
    secure.once("secureConnect", () => {
      Reflect.deleteProperty(secure!, "getPeerCertificate");
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

/** Destroys a socket and waits until it is closed. */
export async function destroy(socket: net.Socket | tls.TLSSocket): Promise<void> {
  if (socket.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  socket.destroy();
  await promise;
}
