/**
 * The client side of SOCKS 5 (RFC 1928) with username and password (RFC 1929). The handshake turns a
 * connection to a SOCKS server into a connection to a target. It is pure: it takes bytes and returns
 * events.
 *
 * @example A handshake
 * ```ts
 * import { SocksHandshake } from "@portside/kit/net/socks-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const socks = new SocksHandshake({ hostname: "a.test", port: 80 });
 * assertEquals(socks.start(), new Uint8Array([5, 1, 0]));
 * assertEquals(socks.push(new Uint8Array([5, 0])).map(({ kind }) => kind), ["send"]);
 * const reply = new Uint8Array([5, 0, 0, 1, 127, 0, 0, 1, 0, 80]);
 * assertEquals(socks.push(reply), [
 *   { kind: "connected", bound: { hostname: "127.0.0.1", port: 80 }, rest: new Uint8Array() },
 * ]);
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { HostPort } from "./address.ts";
import { formatAddressBytes, readAddressBytes } from "./address_block.ts";
import { NetError, type NetErrorKind } from "./errors/errors.ts";
import { port as portRule } from "./internal/options.ts";

/** A login at a SOCKS server. Each part has 1 to 255 bytes in UTF-8 (RFC 1929 §2). */
export interface SocksLogin {
  /** The name of the user. */
  readonly username: string;
  /** The password. It is sent in plain text. */
  readonly password: string;
}

/** The next step of a SOCKS client. */
export type SocksEvent =
  /** The client must send these bytes to the server. */
  | { readonly kind: "send"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The connection leads to the target now. */
  | {
    readonly kind: "connected";
    /** The address that the server uses towards the target, as a name or an IP address. */
    readonly bound: HostPort;
    /** The bytes after the reply, which are the first bytes of the target. */
    readonly rest: Uint8Array<ArrayBuffer>;
  };

const VERSION = 5;
const CONNECT = 1;
const NO_LOGIN = 0;
const PASSWORD = 2;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;

/** The meanings of the reply codes (RFC 1928 §6). */
const REPLIES: Readonly<Record<number, readonly [kind: NetErrorKind, words: string]>> = {
  1: ["reply", "general failure"],
  2: ["reply", "its rules do not allow the target"],
  3: ["unreachable", "the network is unreachable"],
  4: ["unreachable", "the host is unreachable"],
  5: ["refused", "the target refused the connection"],
  6: ["unreachable", "the TTL has expired"],
  7: ["reply", "it does not support CONNECT"],
  8: ["reply", "it does not support this type of address"],
};

/**
 * The client side of one SOCKS handshake.
 *
 * Write the bytes of {@linkcode SocksHandshake.start}. Then read up to
 * {@linkcode SocksHandshake.missing} bytes, pass them to {@linkcode SocksHandshake.push}, and send
 * the bytes that it returns, until the handshake is connected. If you read at most `missing` bytes
 * at a time, you never read bytes of the target.
 *
 * @example A login
 * ```ts
 * import { SocksHandshake } from "@portside/kit/net/socks-codec";
 * import { assertEquals } from "@std/assert";
 *
 * const login = { username: "alice", password: "secret" };
 * const socks = new SocksHandshake({ hostname: "192.0.2.1", port: 443 }, login);
 * assertEquals(socks.start(), new Uint8Array([5, 2, 0, 2]));
 * assertEquals(socks.missing, 2);
 * const [event] = socks.push(new Uint8Array([5, 2]));
 * assertEquals(event?.kind === "send" && event.bytes.length, 14);
 * ```
 */
export class SocksHandshake {
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #login: Uint8Array<ArrayBuffer> | undefined;
  #state: "method" | "login" | "reply" | "connected" = "method";
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();

  /**
   * Prepares a handshake.
   *
   * @param target The target to connect to. The server resolves host names.
   * @param login The username and password. They are sent only if the server requests them.
   * @throws {TypeError} If the name of the target or a part of the login is empty or longer than
   * 255 bytes.
   * @throws {RangeError} If the port is out of range.
   */
  constructor(target: HostPort, login?: SocksLogin) {
    this.#request = encodeRequest(target);
    this.#login = login && encodeLogin(login);
  }

  /** Whether the connection leads to the target. */
  get connected(): boolean {
    return this.#state === "connected";
  }

  /** Minimum number of bytes that the server must still send; 0 after the handshake. */
  get missing(): number {
    return this.connected ? 0 : this.#size() - this.#bytes.length;
  }

  /**
   * Starts the handshake.
   *
   * @returns The first bytes to send: the methods of authentication that the client offers.
   */
  start(): Uint8Array<ArrayBuffer> {
    return this.#login === undefined
      ? Uint8Array.of(VERSION, 1, NO_LOGIN)
      : Uint8Array.of(VERSION, 2, NO_LOGIN, PASSWORD);
  }

  /**
   * Processes bytes from the server.
   *
   * @param chunk The next bytes, split anywhere.
   * @returns The next steps, in order.
   * @throws {NetError} In phase "connect". Of kind "protocol" if the server violates SOCKS 5,
   * "refused" or "unreachable" if it cannot reach the target, and "reply" if it refuses. `code` is
   * the number of the reply, or undefined if the server refused the login.
   * @throws {TypeError} If the handshake is over.
   */
  push(chunk: Uint8Array): SocksEvent[] {
    if (this.connected) throw new TypeError("Cannot go on: the handshake is over");
    const bytes = new Uint8Array(this.#bytes.length + chunk.length);
    bytes.set(this.#bytes);
    bytes.set(chunk, this.#bytes.length);
    this.#bytes = bytes;
    const events: SocksEvent[] = [];
    while (!this.connected && this.missing <= 0) events.push(this.#step());
    return events;
  }

  /** Returns the length of the current message, as far as its bytes show it. */
  #size(): number {
    if (this.#state !== "reply") return 2;
    const [version, code, , type, length] = this.#bytes;
    // Some servers end the connection after the code of an error.
    if (version !== undefined && version !== VERSION) return 1;
    if (code !== undefined && code !== 0) return 2;
    // The shortest address is an empty name.
    if (type === undefined) return 7;
    if (type === IPV4) return 10;
    if (type === IPV6) return 22;
    if (type === NAME) return 7 + (length ?? 0);
    return 4;
  }

  #step(): SocksEvent {
    const [first, second] = this.#bytes;
    switch (this.#state) {
      case "method":
        return this.#takeMethod(first!, second!);
      case "login":
        // RFC 1929 §2 requires version 1, but some servers send 5.
        if (first !== 1 && first !== VERSION) throw malformed("the answer to the login");
        if (second !== 0) throw refused("the login is wrong");
        return this.#ask();
      default:
        return this.#takeReply(first!, second!);
    }
  }

  #takeMethod(version: number, method: number): SocksEvent {
    if (version !== VERSION) throw malformed("the version");
    if (method === NO_LOGIN) return this.#ask();
    if (method === 0xff) {
      throw refused(this.#login === undefined ? "it wants a login" : "it takes no such login");
    }
    if (method !== PASSWORD || this.#login === undefined) {
      throw malformed("the method of authentication");
    }
    this.#enter("login");
    return { kind: "send", bytes: this.#login };
  }

  #ask(): SocksEvent {
    this.#enter("reply");
    return { kind: "send", bytes: this.#request };
  }

  #takeReply(version: number, code: number): SocksEvent {
    if (version !== VERSION) throw malformed("the version of the reply");
    if (code !== 0) {
      const [kind, words] = REPLIES[code] ?? ["reply", "an unknown reply"];
      throw refused(words, kind, String(code));
    }
    const size = this.#size();
    const type = this.#bytes[3];
    if (type !== IPV4 && type !== NAME && type !== IPV6) throw malformed("the type of its address");
    const host = this.#bytes.subarray(type === NAME ? 5 : 4, size - 2);
    const bound = {
      hostname: type === NAME ? decoder.decode(host) : formatAddressBytes(host),
      port: this.#bytes[size - 2]! * 256 + this.#bytes[size - 1]!,
    };
    const rest = this.#bytes.slice(size);
    this.#state = "connected";
    this.#bytes = new Uint8Array();
    return { kind: "connected", bound, rest };
  }

  /** Continues with the next message. Bytes that have arrived early belong to it. */
  #enter(state: "login" | "reply"): void {
    this.#bytes = this.#bytes.slice(2);
    this.#state = state;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function encodeRequest({ hostname, port }: HostPort): Uint8Array<ArrayBuffer> {
  portRule("port", port);
  const address = readAddressBytes(hostname);
  const end = [port >> 8, port & 255];
  if (address !== undefined) {
    const type = address.length === 4 ? IPV4 : IPV6;
    return Uint8Array.of(VERSION, CONNECT, 0, type, ...address, ...end);
  }
  const name = encoder.encode(hostname);
  if (name.length === 0 || name.length > 255) {
    throw new TypeError(`Cannot connect to a name of ${name.length} bytes: it must have 1 to 255`);
  }
  return Uint8Array.of(VERSION, CONNECT, 0, NAME, name.length, ...name, ...end);
}

function encodeLogin({ username, password }: SocksLogin): Uint8Array<ArrayBuffer> {
  const [name, secret] = [username, password].map((text) => encoder.encode(text));
  const fits = (bytes: Uint8Array) => bytes.length > 0 && bytes.length <= 255;
  // The message does not contain the password or its length.
  if (!fits(name!) || !fits(secret!)) {
    throw new TypeError("username and password must have 1 to 255 bytes each");
  }
  return Uint8Array.of(1, name!.length, ...name!, secret!.length, ...secret!);
}

function malformed(what: string): NetError {
  return new NetError(`Cannot connect through the SOCKS server: ${what} is malformed`, {
    kind: "protocol",
    phase: "connect",
  });
}

function refused(words: string, kind: NetErrorKind = "reply", code?: string): NetError {
  return new NetError(`Cannot connect through the SOCKS server: ${words}`, {
    kind,
    phase: "connect",
    ...(code !== undefined && { code }),
  });
}
