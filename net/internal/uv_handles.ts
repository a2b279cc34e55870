/**
 * The stream handles below `node:net`. They support three operations that `Deno.Conn` does not: to
 * stop a pending read, to drop a pending write, and to set SO_LINGER. The code checks that each part
 * exists before using it. All uses of Deno internals are in this file, in `reset_transport.ts`, and in
 * `tools/internal/scan_dial.ts`, which also runs in Workers.
 */

import type Process from "node:process";

/** A stream of the operating system with a callback for reads. */
export interface StreamHandle {
  /** Gets the number of bytes read, or a negative error number. */
  onread?: (data: ArrayBuffer | undefined, size?: number) => void;
  /** Takes over a file descriptor. */
  open(fd: number): number;
  /** Returns a new descriptor of the same socket, or a negative number. */
  fdForIpc(): number;
  /** Makes reads go to `buffer` instead of new memory. */
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: HandleRequest, bytes: Uint8Array): number;
  shutdown(request: HandleRequest): number;
  close(): void;
  ref(): void;
  unref(): void;
}

/** A TCP socket. */
export interface TcpHandle extends StreamHandle {
  /** Takes over a new descriptor of the socket that a `Deno.TcpConn` stands on. */
  openFromRid(rid: number): number;
  /** Sets SO_LINGER to zero: closing the last descriptor then sends a reset. */
  reset(): number;
  /** Binds to an IPv4 address. Throws if the permission is missing, as `connect` does. */
  bind(address: string, port: number, flags: number): number;
  /** Binds to an IPv6 address. */
  bind6(address: string, port: number, flags: number): number;
  /** Connects to an IP address. */
  connect(request: HandleRequest, address: string, port: number): number;
  getsockname(address: { address: string; port: number }): number;
  setNoDelay(on: boolean): number;
  /** Turns probes on or off. With a delay of 0, the system decides when they begin. */
  setKeepAlive(on: boolean, delay: number): number;
}

/** A pending connect, write or shutdown. */
export interface HandleRequest {
  oncomplete?: (status: number) => void;
}

/** The used parts of the bindings. */
export interface UvHandles {
  readonly Tcp: new (type: number) => TcpHandle;
  /**
   * Reads and writes any descriptor. It is used for TCP instead of `Tcp`, because Deno 2.9's `Tcp`
   * fails a write with EPIPE when it has to wait and the peer has half-closed.
   */
  readonly Pipe: new (type: number) => StreamHandle;
  readonly WriteRequest: new () => HandleRequest;
  readonly ShutdownRequest: new () => HandleRequest;
  /** Results of the last call, at the two indices below. */
  readonly state: Int32Array;
  readonly READ_SIZE: number;
  readonly WRITE_WAITS: number;
}

/** The handle type of a socket that is not a server. */
export const SOCKET = 0;
/** The error number that marks the end of a stream. */
export const EOF = -4095;

let found: UvHandles | null | undefined;

/**
 * Returns `process`. It is not imported, because it needs more memory than the rest of a server, and few
 * programs use the handles. Each garbage collection would visit it.
 */
function nodeProcess(): typeof Process {
  return Reflect.get(globalThis, "process");
}

/** Returns the handles, or null if this version of Deno or this system lacks them. */
export function uvHandles(): UvHandles | null {
  if (found === undefined) found = Deno.build.os === "windows" ? null : find();
  return found;
}

function find(): UvHandles | null {
  try {
    const { binding } = nodeProcess() as unknown as {
      binding(name: string): Record<string, unknown>;
    };
    const stream = binding("stream_wrap");
    const handles = {
      Tcp: binding("tcp_wrap").TCP,
      Pipe: binding("pipe_wrap").Pipe,
      WriteRequest: stream.WriteWrap,
      ShutdownRequest: stream.ShutdownWrap,
      state: stream.streamBaseState,
      READ_SIZE: stream.kReadBytesOrError,
      WRITE_WAITS: stream.kLastWriteWasAsync,
    } as unknown as UvHandles;
    const complete =
      hasAll(handles.Tcp, ["openFromRid", "reset", "open", "fdForIpc", "bind6", "connect"]) &&
      hasAll(handles.Pipe, ["open", "fdForIpc", "useUserBuffer", "writeBuffer", "shutdown"]) &&
      handles.state instanceof Int32Array && handles.READ_SIZE in handles.state &&
      handles.WRITE_WAITS in handles.state;
    return complete ? handles : null;
  } catch {
    return null;
  }
}

function hasAll(type: new (type: number) => object, methods: readonly string[]): boolean {
  const prototype = type.prototype as Record<string, unknown>;
  return methods.every((name) => typeof prototype[name] === "function");
}

/** Returns the resource identifier of a TCP connection in Deno, or undefined for other transports. */
export function ridOf(transport: object): number | undefined {
  return internalOf(transport, "Deno.internal.rid");
}

/** Returns the file descriptor of a TCP connection in Deno, or undefined for other transports. */
export function fdOf(transport: object): number | undefined {
  return internalOf(transport, "Deno.internal.fd");
}

function internalOf(transport: object, description: string): number | undefined {
  // Only Deno's own TCP connections have this method.
  if (!("setNoDelay" in transport)) return undefined;
  for (const key of Object.getOwnPropertySymbols(transport)) {
    if (key.description !== description) continue;
    const value = (transport as Record<symbol, unknown>)[key];
    if (typeof value === "number") return value;
  }
  return undefined;
}

/** The classes of Deno for socket errors. */
const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  EACCES: Deno.errors.PermissionDenied,
  ECONNABORTED: Deno.errors.ConnectionAborted,
  ECONNREFUSED: Deno.errors.ConnectionRefused,
  ECONNRESET: Deno.errors.ConnectionReset,
  ENETUNREACH: Deno.errors.NetworkUnreachable,
  ENOTCONN: Deno.errors.NotConnected,
  EPIPE: Deno.errors.BrokenPipe,
  ETIMEDOUT: Deno.errors.TimedOut,
};

/** Returns the error that `Deno.Conn` throws for an error number. */
export function systemError(
  status: number,
  syscall: "connect" | "read" | "write" | "shutdown",
): Error {
  const { getSystemErrorMap } = nodeProcess().getBuiltinModule("node:util");
  const [code, text] = getSystemErrorMap().get(status) ?? ["UNKNOWN", "unknown error"];
  const message = `${text[0]!.toUpperCase()}${text.slice(1)} (os error ${-status})`;
  return Object.assign(new (CLASSES[code] ?? Error)(message), { code, syscall });
}
