import { closeQuietly } from "./close_quietly.ts";
import type { Address, Transport } from "../connection/transport.ts";
import {
  EOF,
  type HandleRequest,
  SOCKET,
  type StreamHandle,
  systemError,
  type TcpHandle,
  type UvHandles,
} from "./uv_handles.ts";

/** Maximum size of one write. Bytes that the kernel does not take at once are copied. */
const MOST = 256 * 1024;

/** A certificate that cannot be decoded. */
const NO_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

/**
 * Moves the socket of a TCP handle to a handle for its I/O. The TCP handle is closed, and the peer
 * notices nothing.
 *
 * @returns The new handle, or undefined if no descriptor is left or there is no socket.
 */
export function pipeOf(uv: UvHandles, tcp: TcpHandle): StreamHandle | undefined {
  const fd = tcp.fdForIpc();
  tcp.close();
  if (fd < 0) return undefined;
  const pipe = new uv.Pipe(SOCKET);
  if (pipe.open(fd) === 0) return pipe;
  pipe.close();
  return undefined;
}

/** The addresses of the two ends. */
interface Ends {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
}

/** A TCP connection that can be reset, even during reads and writes. */
export class ResetTransport implements Transport {
  readonly localAddr: Address;
  readonly remoteAddr: Address;

  readonly #uv: UvHandles;
  readonly #io: StreamHandle;
  /** The Deno connection that has opened the socket, if any. It is idle, and closed with `#io`. */
  readonly #conn: Deno.TcpConn | undefined;
  /** Whether a read or write of `#conn` is pending. */
  #busy = false;
  #closed = false;
  #ended = false;
  /** A write request that is not in use. */
  #request: HandleRequest | undefined;
  #resolveRead: (size: number | null) => void = nobody;
  #rejectRead: (error: unknown) => void = nobody;
  #rejectWrite: (error: unknown) => void = nobody;

  /**
   * @param uv The bindings of the stream handles.
   * @param io The handle for reading and writing.
   * @param ends The addresses of both ends.
   * @param conn The Deno connection that has opened the socket, if any.
   * @param inFlight A promise that settles when the pending operations of `conn` have ended.
   */
  constructor(
    uv: UvHandles,
    io: StreamHandle,
    ends: Ends,
    conn?: Deno.TcpConn,
    inFlight?: Promise<unknown>,
  ) {
    this.#uv = uv;
    this.#io = io;
    this.#conn = conn;
    this.localAddr = ends.localAddr;
    this.remoteAddr = ends.remoteAddr;
    io.onread = this.#onRead;
    if (inFlight === undefined) return;
    this.#busy = true;
    const done = () => void (this.#busy = false);
    inFlight.then(done, done);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#ended) return Promise.resolve(null);
    if (buffer.length === 0) return Promise.resolve(0);
    this.#io.useUserBuffer(buffer);
    const status = this.#io.readStart();
    if (status !== 0) return Promise.reject(systemError(status, "read"));
    return new Promise(this.#keepRead);
  }

  #keepRead = (
    resolve: (size: number | null) => void,
    reject: (error: unknown) => void,
  ): void => {
    this.#resolveRead = resolve;
    this.#rejectRead = reject;
  };

  #onRead = (_data: unknown, size = this.#uv.state[this.#uv.READ_SIZE]!): void => {
    if (size === 0 || this.#closed) return;
    // Nothing is read in advance, so that the peer gets backpressure.
    this.#io.readStop();
    if (size > 0) this.#resolveRead(size);
    else {
      this.#ended = true;
      if (size === EOF) this.#resolveRead(null);
      else this.#rejectRead(systemError(size, "read"));
    }
  };

  write(data: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(closedError());
    const bytes = data.length > MOST ? data.subarray(0, MOST) : data;
    const { state, WRITE_WAITS } = this.#uv;
    const request = this.#request ??= new this.#uv.WriteRequest();
    const status = this.#io.writeBuffer(request, bytes);
    if (status !== 0) return Promise.reject(systemError(status, "write"));
    if (state[WRITE_WAITS] === 0) return Promise.resolve(bytes.length);
    // It serves the next write unless this one waits.
    this.#request = undefined;
    return this.#complete(request, "write", bytes.length);
  }

  async closeWrite(): Promise<void> {
    if (this.#closed) throw closedError();
    const request = new this.#uv.ShutdownRequest();
    const status = this.#io.shutdown(request);
    if (status !== 0) throw systemError(status, "shutdown");
    await this.#complete(request, "shutdown", 0);
  }

  #complete(
    request: HandleRequest,
    syscall: "write" | "shutdown",
    result: number,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#rejectWrite = reject;
      request.oncomplete = (status) => {
        if (status === 0) resolve(result);
        else reject(this.#closed ? canceledError() : systemError(status, syscall));
      };
    });
  }

  close(): void {
    if (this.#closed) throw closedError();
    this.#end();
    if (this.#conn !== undefined) closeQuietly(this.#conn);
  }

  /** Ends the connection by a reset (RST). Data that the kernel has not sent is lost. */
  reset(): void {
    if (this.#closed) return;
    this.#linger();
    const conn = this.#conn;
    const busy = this.#busy;
    this.#end();
    if (conn === undefined) return;
    if (busy) return closeQuietly(conn);
    // Closing `conn` would send a FIN. startTls() takes its socket over. The certificate is invalid,
    // so Deno then drops the socket without sending anything.
    Deno.startTls(conn, { caCerts: [NO_CERTIFICATE] }).then(closeQuietly, () => {});
    // `conn` is still open if Deno has rejected the certificate before it took the socket.
    closeQuietly(conn);
  }

  /** Keeps the process alive while it reads (the default). */
  ref(): void {
    this.#io.ref();
  }

  /** Allows the process to end while it reads. */
  unref(): void {
    this.#io.unref();
  }

  /** Makes the kernel send a reset when the last descriptor is closed. */
  #linger(): void {
    const fd = this.#io.fdForIpc();
    if (fd < 0) return;
    const tcp = new this.#uv.Tcp(SOCKET);
    if (tcp.open(fd) === 0) tcp.reset();
    tcp.close();
  }

  #end(): void {
    this.#closed = true;
    this.#io.close();
    this.#rejectRead(canceledError());
    this.#rejectWrite(canceledError());
  }
}

function closedError(): Error {
  return new Deno.errors.BadResource("the connection is closed");
}

function canceledError(): Error {
  return new Deno.errors.Interrupted("operation canceled");
}

function nobody(): void {}
