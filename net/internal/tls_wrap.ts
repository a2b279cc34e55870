/**
 * The TLS state machine below `node:tls`: bytes in, bytes out, and no I/O of its own.
 *
 * `node:tls` of Deno stands on it, but hides what this package needs: whether the peer has sent a
 * close_notify, and the alert of a failed handshake. Its streams also cost more than the encryption.
 * All uses of this internal of Deno are in this file. The code checks that each part exists before
 * using it.
 */

import process from "node:process";
import { Duplex } from "node:stream";
import tls from "node:tls";

/** The callbacks of a machine. */
export interface TlsWrapEvents {
  /** Ends the handshake. Its last output is not sent yet. */
  onhandshakedone(): void;
  /** Takes the error of a failure. The output contains its alert. */
  onerror(error: Error): void;
  /** Reacts to the first message of a client. The server continues with `finishAccept`. */
  onclienthello(): void;
}

/** The settings of one side, as `tls.createSecureContext` takes them. */
export interface TlsContext {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: readonly string[] | undefined;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Clients: whether a certificate that is not trusted fails the handshake. Servers: whether none does. */
  readonly rejectUnauthorized: boolean;
  /** Whether a server requests a certificate. */
  readonly requestCert?: boolean;
}

/** The machine of one connection. All methods are synchronous. */
export interface TlsWrap {
  initClientTls(serverName: string, context: TlsContext): number;
  initServerTls(context: TlsContext): number;
  setAlpnProtocols(protocols: readonly string[]): void;
  /** Makes a server call `onclienthello`. */
  enableClientHelloCb(): void;
  finishAccept(context: TlsContext, protocol: null): number;
  attachJsStream(): number;
  setHandle(events: TlsWrapEvents): void;
  /** Sets the function for decrypted bytes, and for the end that a close_notify announces. */
  setOnread(onread: (this: TlsWrapEvents) => void): void;
  useUserBuffer(buffer: Uint8Array): void;
  start(): number;
  /** Takes encrypted bytes. */
  receive(bytes: Uint8Array): void;
  /** Takes bytes to encrypt. */
  writeBuffer(request: object, bytes: Uint8Array): number;
  /** Returns the encrypted bytes to send, in memory of their own. */
  drainEncOut(): Uint8Array<ArrayBuffer>;
  /** Encrypts a close_notify. */
  shutdown(request: object): number;
  destroySsl(): void;
  verifyError(): string;
  isSessionReused(): boolean;
  getProtocol(out: { protocol?: string }): void;
  getCipher(out: { name?: string }): void;
  getAlpnNegotiatedProtocol(out: { alpnProtocol?: string | false }): void;
  getServername(): string | null | undefined;
  getPeerCertificateChain(): { readonly certificates: Uint8Array[] } | null;
}

/** The used parts of the bindings. */
export interface TlsWraps {
  readonly TlsWrap: new (kind: number, provider: number) => TlsWrap;
  /** The size of the last read, or a negative error number, at the index below. */
  readonly state: Int32Array;
  readonly READ_SIZE: number;
}

const METHODS: ReadonlyArray<keyof TlsWrap> = [
  "initClientTls",
  "initServerTls",
  "setAlpnProtocols",
  "enableClientHelloCb",
  "finishAccept",
  "attachJsStream",
  "setHandle",
  "setOnread",
  "useUserBuffer",
  "start",
  "receive",
  "writeBuffer",
  "drainEncOut",
  "shutdown",
  "destroySsl",
  "verifyError",
  "isSessionReused",
  "getProtocol",
  "getCipher",
  "getAlpnNegotiatedProtocol",
  "getServername",
  "getPeerCertificateChain",
];

let found: TlsWraps | null | undefined;

/** Returns the bindings, or null if this version of Deno lacks them. */
export function tlsWraps(): TlsWraps | null {
  if (found === undefined) found = find();
  return found;
}

function find(): TlsWraps | null {
  try {
    const { binding } = process as unknown as { binding(name: string): Record<string, unknown> };
    const stream = binding("stream_wrap");
    const wraps = {
      TlsWrap: classOfHandles(),
      state: stream.streamBaseState,
      READ_SIZE: stream.kReadBytesOrError,
    } as TlsWraps;
    const prototype = wraps.TlsWrap.prototype as Record<string, unknown>;
    const complete = METHODS.every((name) => typeof prototype[name] === "function") &&
      wraps.state instanceof Int32Array && wraps.READ_SIZE in wraps.state;
    if (!complete) return null;
    keepFreedMemory();
    return wraps;
  } catch {
    return null;
  }
}

/**
 * Makes the allocator of Linux keep memory that was freed. By default it returns the end of the heap to the
 * system as soon as 128 KiB are free, and the next output has to be faulted in again, which costs a quarter
 * of an echo of 64 KiB. It keeps twice the size of the largest block that the process has freed by itself
 * (mallopt(3), M_TRIM_THRESHOLD). Nothing writes to the block, so it takes no memory.
 */
function keepFreedMemory(): void {
  new ArrayBuffer(4 * 1024 * 1024).transfer(0);
}

/** Returns the class. Only the handles of sockets lead to it. */
function classOfHandles(): unknown {
  const socket = new tls.TLSSocket(new Duplex({ read() {}, write() {} }), { isServer: true });
  const { _handle: handle } = socket as unknown as { _handle: object };
  socket.on("error", () => {});
  socket.destroy();
  return handle.constructor;
}
