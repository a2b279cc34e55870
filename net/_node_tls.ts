/**
 * The server's side of TLS on `node:tls`, for what `Deno.listenTls` does not
 * know: client certificates. It takes over a plain connection that is open.
 *
 * The verdict on a client's certificate is asked of `tls.createServer` alone: a
 * bare `TLSSocket` of Deno 2.9 lets every certificate pass.
 */

import type { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { formatAddress } from "./address.ts";
import { NetError, type NetErrorOptions, toNetError } from "./errors.ts";
import type { Address, PeerCertificate, TlsInfo, Transport } from "./transport.ts";
import { withDeadline } from "./_deadline.ts";
import { closeQuietly } from "./_dial.ts";
import type { Prepared } from "./_server.ts";

/** What the handshake needs. */
export interface AcceptTlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly alpnProtocols?: string[] | undefined;
  readonly clientAuth: "request" | "require";
  readonly clientCa: string[];
  readonly handshakeTimeout: number;
}

/** Does the handshake over `raw`; on failure `raw` is closed. */
export async function acceptTls(raw: Deno.Conn, options: AcceptTlsOptions): Promise<Prepared> {
  const { cert, key, alpnProtocols, clientAuth, clientCa, handshakeTimeout } = options;
  const address = formatAddress(raw.remoteAddr);
  const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>();
  const duplex = new ConnDuplex(raw);
  duplex.on("error", reject);
  // One server for each connection: its events say which socket of ours they are about.
  const server = tls.createServer({
    cert,
    key,
    ca: clientCa,
    requestCert: true,
    // The verdict is given below, where it can say why.
    rejectUnauthorized: false,
    ALPNProtocols: alpnProtocols,
    allowHalfOpen: true,
    minVersion: "TLSv1.2",
  });
  server.on("secureConnection", resolve);
  server.on("tlsClientError", reject);
  server.emit("connection", duplex);
  try {
    const late = () =>
      new NetError(`TLS handshake with ${address} took longer than ${handshakeTimeout} ms`, {
        kind: "timeout",
        phase: "handshake",
        address,
      });
    const socket = await withDeadline(promise, handshakeTimeout, late);
    return {
      tls: judge(socket, clientAuth, address),
      transport: new SocketTransport(socket, duplex, raw),
    };
  } catch (error) {
    duplex.destroy();
    closeQuietly(raw);
    throw toNetError(error, { phase: "handshake", address });
  }
}

/** Decides on a client by what it showed. */
function judge(
  socket: tls.TLSSocket,
  clientAuth: "request" | "require",
  address: string,
): TlsInfo {
  const refuse = (why: string, tls: NetErrorOptions["tls"]): never => {
    const message = `TLS handshake with ${address} failed: ${why}`;
    throw new NetError(message, { kind: "tls", phase: "handshake", address, tls });
  };
  const shown: tls.PeerCertificate | undefined = socket.getPeerCertificate();
  const alpnProtocol = socket.alpnProtocol || null;
  if (shown?.raw === undefined) {
    if (clientAuth === "request") return { alpnProtocol };
    return refuse("the client showed no certificate", "client-certificate");
  }
  // Never by `authorized` alone: without a request for a certificate it is true as well.
  if (socket.authorized !== true) {
    return refuse("the certificate of the client is not trusted", "untrusted");
  }
  return { alpnProtocol, peerCertificate: describePeer(shown) };
}

function describePeer(shown: tls.PeerCertificate): PeerCertificate {
  const first = (value: string | string[] | undefined) => [value].flat()[0] ?? "";
  return {
    commonName: first(shown.subject?.CN),
    subjectAltName: shown.subjectaltname ?? "",
    issuer: first(shown.issuer?.CN),
    notBefore: new Date(shown.valid_from),
    notAfter: new Date(shown.valid_to),
    fingerprint: shown.fingerprint256,
    serialNumber: shown.serialNumber,
  };
}

const CHUNK = 16 * 1024;

/** Decrypted bytes that may wait for a reader before no more are taken from the peer. */
const UNREAD = 64 * 1024;

/**
 * A connection of Deno as a stream of Node; it does not close at the peer's end.
 *
 * The TLS socket above takes whatever comes and whatever it is given, so the
 * brakes are here: nothing is read while `above` holds more than somebody reads.
 */
class ConnDuplex extends Duplex {
  above: tls.TLSSocket | undefined;
  readonly #conn: Deno.Conn;
  #waiting = false;

  constructor(conn: Deno.Conn) {
    super({ allowHalfOpen: true });
    this.#conn = conn;
  }

  /** Something has been read above. */
  consumed(): void {
    if (this.#waiting) this._read();
  }

  override _read(): void {
    this.#waiting = (this.above?.readableLength ?? 0) >= UNREAD;
    if (this.#waiting) return;
    const buffer = new Uint8Array(CHUNK);
    this.#conn.read(buffer).then(
      (n) => this.push(n === null ? null : buffer.subarray(0, n)),
      (error) => this.destroy(error),
    );
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    (async () => {
      for (let rest = chunk; rest.length > 0;) {
        rest = rest.subarray(await this.#conn.write(rest));
      }
    })().then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#conn.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeQuietly(this.#conn);
    done(error);
  }
}

/** A socket of Node as a transport: it reads when asked to, and no sooner. */
class SocketTransport implements Transport {
  readonly localAddr: Address;
  readonly remoteAddr: Address;

  readonly #socket: tls.TLSSocket;
  readonly #below: ConnDuplex;
  readonly #raw: Deno.Conn;
  #rest: Buffer | null = null;
  #ended = false;
  #failure: Error | undefined;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: tls.TLSSocket, below: ConnDuplex, raw: Deno.Conn) {
    this.#socket = socket;
    this.#below = below;
    below.above = socket;
    this.#raw = raw;
    this.localAddr = raw.localAddr;
    this.remoteAddr = raw.remoteAddr;
    const wake = () => this.#wake?.();
    const end = () => {
      this.#ended = true;
      wake();
    };
    socket.on("readable", wake);
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", (error) => {
      this.#failure ??= error;
      wake();
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (true) {
      if (this.#closed) throw new Deno.errors.Interrupted("operation canceled");
      const chunk: Buffer | null = this.#rest ?? this.#socket.read();
      if (chunk !== null) {
        this.#below.consumed();
        const n = Math.min(chunk.length, buffer.length);
        buffer.set(chunk.subarray(0, n));
        this.#rest = n < chunk.length ? chunk.subarray(n) : null;
        return n;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async write(data: Uint8Array): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(data, (error) => error ? reject(error) : resolve());
    });
    // TLS takes whatever it is given; how far the peer reads shows in the stream below.
    const below = this.#below;
    while (below.writableNeedDrain && !below.destroyed) {
      await new Promise<void>((resolve) => {
        below.once("drain", resolve);
        below.once("close", resolve);
      });
    }
    if (this.#closed) throw new Deno.errors.Interrupted("operation canceled");
    if (this.#failure !== undefined) throw this.#failure;
    return data.length;
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else this.#socket.end(() => resolve());
    });
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
    closeQuietly(this.#raw);
    this.#wake?.();
  }
}
