/** Sockets and messages of a stress test. Nothing here uses the code that is tested. @module */

import { Buffer } from "node:buffer";
import net from "node:net";

/** The peer has ended or reset the connection before something was whole. */
export class Cut extends Error {
  /** Says how it ended, and what had come of what was to be read. */
  constructor(readonly how: "end" | "reset" | "hang", readonly partial: Uint8Array) {
    super(how);
  }
}

const NOTHING = new Uint8Array(0);
/** How long a socket may be silent, in milliseconds. */
const PATIENCE = 120_000;

/** A TCP socket with awaited reads and writes, that can be reset. */
export class Wire {
  readonly #socket: net.Socket;
  #wake: () => void = nobody;
  #ended = false;
  #error: "reset" | undefined;
  #buffer = NOTHING;
  #at = 0;

  /** Takes a connected socket, which must stay open at the end of its peer. */
  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay();
    // A test that waits in vain fails, and does not hang.
    socket.setTimeout(PATIENCE, () => socket.destroy());
    const wake = () => this.#wake();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#ended = true;
      wake();
    });
    socket.on("error", () => {
      this.#error = "reset";
      wake();
    });
    socket.on("close", () => {
      this.#ended = true;
      wake();
    });
  }

  /** Connects to a port of this machine. */
  static connect(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Wire(socket));
      });
    });
  }

  /** Whether the peer has reset the connection. */
  get wasReset(): boolean {
    return this.#error !== undefined;
  }

  /** Reads some bytes; null at the end. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#at < this.#buffer.length) {
        const rest = this.#buffer.subarray(this.#at);
        this.#at = this.#buffer.length;
        return rest;
      }
      if (!(await this.#fill())) return null;
    }
  }

  /** Reads a head up to and with its empty line; undefined at an end in front of it. */
  async head(): Promise<string | undefined> {
    for (let from = 0;;) {
      const bytes = this.#buffer.subarray(this.#at);
      const end = endOfHead(bytes, from);
      if (end !== -1) {
        this.#at += end;
        return textOf(bytes.subarray(0, end));
      }
      from = Math.max(0, bytes.length - 3);
      if (!(await this.#fill())) {
        if (bytes.length === 0 && !this.wasReset) return undefined;
        throw this.#cut(bytes);
      }
    }
  }

  /** Reads `size` bytes; what came of them is with the error. */
  async exact(size: number): Promise<Uint8Array> {
    while (this.#buffer.length - this.#at < size) {
      if (!(await this.#fill())) throw this.#cut(this.#buffer.subarray(this.#at));
    }
    const bytes = this.#buffer.slice(this.#at, this.#at + size);
    this.#at += size;
    return bytes;
  }

  /** Reads to the end of the peer, which must not be a reset. */
  async rest(): Promise<Uint8Array> {
    while (await this.#fill());
    const bytes = this.#buffer.slice(this.#at);
    if (this.wasReset) throw this.#cut(bytes);
    this.#at = this.#buffer.length;
    return bytes;
  }

  /** Reads a chunked body with its trailers. */
  async chunks(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    try {
      for (;;) {
        const line = await this.#line();
        if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`A bad chunk: ${JSON.stringify(line)}`);
        const size = parseInt(line, 16);
        if (size === 0) break;
        parts.push(await this.exact(size));
        if (await this.#line() !== "") throw new Error("A chunk does not end where it says");
      }
      while (await this.#line() !== "");
    } catch (error) {
      if (error instanceof Cut) parts.push(error.partial);
      throw error instanceof Cut ? new Cut(error.how, concat(parts)) : error;
    }
    return concat(parts);
  }

  async #line(): Promise<string> {
    let line = "";
    while (!line.endsWith("\r\n")) {
      try {
        line += String.fromCharCode((await this.exact(1))[0]!);
      } catch (error) {
        throw error instanceof Cut ? new Cut(error.how, NOTHING) : error;
      }
    }
    return line.slice(0, -2);
  }

  /** Adds what comes to the buffer; false at the end. */
  async #fill(): Promise<boolean> {
    for (;;) {
      const chunk: Uint8Array | null = this.#socket.read();
      if (chunk !== null) {
        this.#buffer = concat([this.#buffer.subarray(this.#at), chunk]);
        this.#at = 0;
        return true;
      }
      if (this.#ended || this.#error !== undefined) return false;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #cut(partial: Uint8Array): Cut {
    return new Cut(this.#error ?? "end", partial.slice());
  }

  /** Writes all of it, and waits until the kernel has it. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended && this.#socket.destroyed) return reject(new Error("closed"));
      this.#socket.write(typeof bytes === "string" ? bytesOf(bytes) : bytes, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Ends the output. */
  end(): void {
    this.#socket.end();
  }

  /** Ends the connection with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Closes the connection. */
  close(): void {
    this.#socket.destroy();
  }
}

/** A head taken apart. */
export interface Head {
  readonly first: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Takes a head apart, strictly. */
export function parseHead(text: string): Head {
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`A bad line: ${JSON.stringify(line)}`);
    const key = name.toLowerCase();
    fields.set(key, fields.has(key) ? `${fields.get(key)}, ${value}` : value!);
  }
  return { first, fields };
}

const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();

/** Returns bytes as text. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Returns ASCII text as bytes. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Returns whether these are the same bytes. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}

/** Joins bytes. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Returns the size and a checksum of bytes (FNV-1a), as text. */
export function digest(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${bytes.length}-${(hash >>> 0).toString(16)}`;
}

function endOfHead(bytes: Uint8Array, from: number): number {
  for (let i = from; i + 3 < bytes.length; i++) {
    if (bytes[i] === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) {
      return i + 4;
    }
  }
  return -1;
}

function nobody(): void {}
