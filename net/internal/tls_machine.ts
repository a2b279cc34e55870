import { NetError, type NetPhase, toNetError } from "../errors/errors.ts";
import type { TlsVersion } from "../connection/transport.ts";
import { alertFor, type AlertName, encodeAlert } from "./tls_alerts.ts";
import {
  type TlsContext,
  type TlsWrap,
  type TlsWrapEvents,
  type TlsWraps,
  tlsWraps,
} from "./tls_wrap.ts";

/** Decrypted bytes go through this buffer. It is shared: each call empties it before it returns. */
const PLAIN = new Uint8Array(64 * 1024);
const NOTHING = new Uint8Array(0);
/** Maximum number of bytes that a machine encrypts at once. */
const PIECE = 32 * 1024;
/** Writes and shutdowns complete at once, so nobody listens to their requests. */
const REQUEST = {};
const [CLIENT, SERVER] = [0, 1];

/** Returns what machines need. Throws a {@linkcode NetError} if this version of Deno lacks it. */
export function requireTlsWraps(phase: NetPhase): TlsWraps {
  const wraps = tlsWraps();
  if (wraps !== null) return wraps;
  const message = `This version of Deno (${Deno.version.deno}) lacks the TLS of Deno 2.9 ` +
    "for node:tls: use Deno 2.9, or options that do not require it";
  throw new NetError(message, { kind: "unsupported", phase });
}

/** Settings of a server. */
export interface ServerMachineOptions {
  readonly context: TlsContext;
  /** Returns the settings for the name that a client requests, if they depend on it. */
  readonly pick?: ((serverName: string) => TlsContext) | undefined;
  readonly alpnProtocols?: readonly string[] | undefined;
}

/** Settings of a client. */
export interface ClientMachineOptions {
  readonly context: TlsContext;
  readonly serverName: string;
  readonly alpnProtocols?: readonly string[] | undefined;
}

/**
 * One side of a TLS connection without I/O (RFC 8446, RFC 5246): the caller passes what it receives
 * to `receive`, and sends what `output` returns.
 */
export class TlsMachine implements TlsWrapEvents {
  /** Whether the handshake is complete. */
  established = false;
  /** Whether the peer has ended its output by a close_notify. A stream without one is truncated. */
  ended = false;
  /** The error that has ended the connection. The output contains its alert. */
  error: Error | undefined;

  readonly #wrap: TlsWrap;
  readonly #isClient: boolean;
  readonly #pick: ((serverName: string) => TlsContext) | undefined;
  #destroyed = false;
  /** Whether there may be output. Each question to the machine costs as much as a small message. */
  #hasOutput = false;
  /** Whether a server waits for the name that the client requests. */
  #awaitsHello: boolean;
  /** Replaces the output of the machine. */
  #alert: Uint8Array<ArrayBuffer> | undefined;
  #target: Uint8Array = NOTHING;
  #filled = 0;
  /** Decrypted bytes that had no place in the target. */
  #rest: Uint8Array = NOTHING;

  /** Creates the client's side. */
  static client({ context, serverName, alpnProtocols }: ClientMachineOptions): TlsMachine {
    const create = (wrap: TlsWrap) => wrap.initClientTls(serverName, context);
    return new TlsMachine(CLIENT, create, alpnProtocols);
  }

  /** Creates the server's side. */
  static server({ context, pick, alpnProtocols }: ServerMachineOptions): TlsMachine {
    return new TlsMachine(SERVER, (wrap) => wrap.initServerTls(context), alpnProtocols, pick);
  }

  private constructor(
    kind: number,
    init: (wrap: TlsWrap) => number,
    alpnProtocols: readonly string[] | undefined,
    pick?: (serverName: string) => TlsContext,
  ) {
    const wraps = requireTlsWraps("handshake");
    this.#isClient = kind === CLIENT;
    this.#pick = pick;
    this.#awaitsHello = pick !== undefined;
    const wrap = this.#wrap = new wraps.TlsWrap(kind, 0);
    if (init(wrap) !== 0) {
      throw Object.assign(new Error("the certificate or key does not fit"), {
        code: "ERR_SSL_UNSUPPORTED_PROTOCOL",
      });
    }
    wrap.attachJsStream();
    wrap.setHandle(this);
    wrap.setOnread(TlsMachine.#onRead as (this: TlsWrapEvents) => void);
    wrap.useUserBuffer(PLAIN);
    if (alpnProtocols !== undefined) wrap.setAlpnProtocols(alpnProtocols);
    if (pick !== undefined) wrap.enableClientHelloCb();
  }

  /** Begins the handshake. A client then has output. */
  start(): void {
    this.#hasOutput = true;
    this.#wrap.start();
  }

  /**
   * Takes encrypted bytes and writes the decrypted ones to `target`. Those that have no place there
   * are kept for `take`.
   *
   * @returns The number of bytes written to `target`.
   */
  receive(bytes: Uint8Array, target: Uint8Array): number {
    if (this.error !== undefined || this.#destroyed) return 0;
    // After the handshake, only an error has output at once. The answer to a KeyUpdate goes out with
    // the next bytes (RFC 8446 §4.6.3).
    this.#hasOutput ||= !this.established;
    this.#target = target;
    this.#filled = 0;
    this.#wrap.receive(bytes);
    this.#target = NOTHING;
    return this.#filled;
  }

  /** Moves kept bytes to `target`. Returns their number. */
  take(target: Uint8Array): number {
    const rest = this.#rest;
    if (rest.length === 0) return 0;
    const size = Math.min(rest.length, target.length);
    target.set(rest.subarray(0, size));
    this.#rest = size === rest.length ? NOTHING : rest.subarray(size);
    return size;
  }

  /** Encrypts bytes after the handshake. */
  write(bytes: Uint8Array): void {
    this.#hasOutput = true;
    if (bytes.length <= PIECE) return void this.#wrap.writeBuffer(REQUEST, bytes);
    for (let at = 0; at < bytes.length; at += PIECE) {
      this.#wrap.writeBuffer(REQUEST, bytes.subarray(at, at + PIECE));
    }
  }

  /** Ends the output by a close_notify (RFC 8446 §6.1). */
  end(): void {
    this.#hasOutput = true;
    this.#wrap.shutdown(REQUEST);
  }

  /** Returns the encrypted bytes that have to be sent, and forgets them. */
  output(): Uint8Array<ArrayBuffer> {
    const alert = this.#alert;
    if (alert !== undefined) {
      this.#alert = NOTHING;
      return alert;
    }
    if (!this.#hasOutput || this.#destroyed) return NOTHING;
    this.#hasOutput = false;
    return this.#wrap.drainEncOut();
  }

  /**
   * Refuses the peer whose certificates have come. This side has sent nothing encrypted yet, so its
   * output becomes an alert that the peer takes. Only a server with TLS 1.3 has: the machine would
   * have to encrypt the alert, and it cannot be asked for one. Nothing is sent then, and the client
   * sees a truncated stream.
   */
  refuse(alert: AlertName): void {
    const encrypts = !this.#isClient && this.version === "TLSv1.3";
    this.#alert = encrypts ? NOTHING : encodeAlert(alert);
  }

  /** Releases the machine. It has no output any more. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#wrap.destroySsl();
  }

  /** The negotiated version. */
  get version(): TlsVersion | undefined {
    const out: { protocol?: string } = {};
    this.#wrap.getProtocol(out);
    return out.protocol as TlsVersion | undefined;
  }

  /** The name of the cipher suite. */
  get cipher(): string | undefined {
    const out: { name?: string } = {};
    this.#wrap.getCipher(out);
    return out.name;
  }

  /** The negotiated application protocol. */
  get alpnProtocol(): string | null {
    const out: { alpnProtocol?: string | false } = {};
    this.#wrap.getAlpnNegotiatedProtocol(out);
    return out.alpnProtocol || null;
  }

  /** The name that the client has requested. */
  get serverName(): string | undefined {
    return this.#wrap.getServername() ?? undefined;
  }

  /** The certificates that the peer has sent (DER), its own one first. */
  get peerCertificates(): readonly Uint8Array[] {
    return this.#wrap.getPeerCertificateChain()?.certificates ?? [];
  }

  /** Whether the session was resumed. The certificate of the peer is that of the first handshake. */
  get isResumed(): boolean {
    return this.#wrap.isSessionReused();
  }

  /** The code of the reason why the certificate of the peer is not trusted, or an empty string. */
  get verifyError(): string {
    return this.#wrap.verifyError();
  }

  /** Ends the handshake. */
  onhandshakedone(): void {
    this.established = true;
  }

  /** Keeps the first error. */
  onerror(error: Error): void {
    this.error ??= error;
    this.#hasOutput = true;
    // The machine has no output before it knows the settings.
    if (this.#awaitsHello) this.#alert = encodeAlert(alertFor(toNetError(error).tls));
  }

  /** Selects the settings of a server by the name that the client requests. */
  onclienthello(): void {
    this.#awaitsHello = false;
    const context = this.#pick!(this.#wrap.getServername() ?? "");
    this.#wrap.finishAccept(context, null);
  }

  static #onRead(this: TlsMachine): void {
    const { state, READ_SIZE } = tlsWraps()!;
    const size = state[READ_SIZE]!;
    if (size < 0) this.ended = true;
    else this.#keep(size);
  }

  #keep(size: number): void {
    const free = Math.min(size, this.#target.length - this.#filled);
    this.#target.set(PLAIN.subarray(0, free), this.#filled);
    this.#filled += free;
    if (free === size) return;
    const rest = new Uint8Array(this.#rest.length + size - free);
    rest.set(this.#rest);
    rest.set(PLAIN.subarray(free, size), this.#rest.length);
    this.#rest = rest;
  }
}
