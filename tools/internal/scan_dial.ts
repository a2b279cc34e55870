/**
 * Opens the connections of a scan.
 *
 * The functions must not use anything else from this or another module. A Worker is created from their
 * source text, because a Worker from a file needs a permission to read it.
 *
 * **Permissions**: `--allow-net` for the address, when a function that they return is called.
 *
 * @module
 */

import type Process from "node:process";

/** One end of a connection. */
export interface DialEnd {
  address?: string;
  port?: number;
}

/** Called once, with the code of an error, or with an empty code and both ends of the connection. */
export type OnDial = (code: string, own: DialEnd, far: DialEnd) => void;

/**
 * Connects to an address, and closes the connection at once. The result comes later than the return.
 *
 * @returns A function that cancels it. Then there is no result.
 */
export type Dial = (address: string, port: number, done: OnDial) => () => void;

/** The TCP handles below `node:net`. */
interface TcpHandles {
  readonly TCP: new (type: 0) => {
    connect(request: TcpRequest, address: string, port: number): number;
    connect6(request: TcpRequest, address: string, port: number): number;
    getsockname(into: DialEnd): number;
    getpeername(into: DialEnd): number;
    close(): void;
  };
  readonly TCPConnectWrap: new () => TcpRequest;
}

type BoundProcess = typeof Process & { binding(name: string): Partial<TcpHandles> };

interface TcpRequest {
  oncomplete: (status: number) => void;
}

/**
 * Connects with the handles below `node:net`. This costs a third less CPU time than `Deno.connect`, which
 * creates a promise and an error with its stack for each closed port. They do not accept zones.
 *
 * @returns undefined if this version of Deno or this system lacks them.
 */
export function handleDial(): Dial | undefined {
  const { process } = globalThis as unknown as { process: BoundProcess };
  const { getSystemErrorName } = process.getBuiltinModule("node:util");
  let handles: Partial<TcpHandles> = {};
  try {
    if (Deno.build.os !== "windows") handles = process.binding("tcp_wrap");
  } catch { /* A later version of Deno may have removed it. */ }
  const { TCP, TCPConnectWrap } = handles;
  if (TCP === undefined || TCPConnectWrap === undefined) return undefined;
  const codes = new Map<number, string>([[0, ""]]);
  const codeOf = (status: number) => {
    let code = codes.get(status);
    if (code === undefined) codes.set(status, code = getSystemErrorName(status));
    return code;
  };
  return (address, port, done) => {
    const handle = new TCP(0);
    const request = new TCPConnectWrap();
    let waits = true;
    const end = (code: string) => {
      if (!waits) return;
      waits = false;
      const own = {};
      const far = {};
      if (code === "") {
        handle.getsockname(own);
        handle.getpeername(far);
      }
      handle.close();
      done(code, own, far);
    };
    request.oncomplete = (status) => end(codeOf(status));
    try {
      const status = address.includes(":")
        ? handle.connect6(request, address, port)
        : handle.connect(request, address, port);
      if (status !== 0) queueMicrotask(() => end(codeOf(status)));
    } catch {
      // Only a missing permission throws.
      queueMicrotask(() => end("ENOTCAPABLE"));
    }
    return () => {
      if (!waits) return;
      waits = false;
      handle.close();
    };
  };
}

/** Connects with `Deno.connect`. It accepts addresses with a zone, such as `fe80::1%eth0`. */
export function denoDial(): Dial {
  return (hostname, port, done) => {
    const controller = new AbortController();
    const { signal } = controller;
    // Deno calls this after it has connected, and would leak the open connection if it throws.
    signal.throwIfAborted = () => {};
    const end: OnDial = (...result) => {
      if (!signal.aborted) done(...result);
    };
    const endOf = ({ hostname: address, port }: Deno.NetAddr) => ({ address, port });
    Deno.connect({ hostname, port, signal }).then((conn) => {
      const { localAddr, remoteAddr } = conn;
      conn.close();
      end("", endOf(localAddr), endOf(remoteAddr));
    }, ({ code, name }: { code?: string; name: string }) => {
      end(name === "NotCapable" ? "ENOTCAPABLE" : code ?? name, {}, {});
    });
    return () => controller.abort();
  };
}
