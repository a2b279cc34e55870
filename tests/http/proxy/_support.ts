/** What the tests of the proxy share: an origin that keeps to a script, a client of raw bytes. @module */

import { Http1Decoder, Http1Error, Http1Fields } from "../../../http/http1/codec.ts";
import { within } from "../../_support/runnable.ts";
import { bytesOf, textOf } from "../../_support/http1.ts";
import { ScriptedOrigin } from "./_scripted_origin.ts";
import { deadPort } from "../../_support/http_servers.ts";
import type { ProxyCase, Reply } from "./cases.ts";

/** What was seen on both sides. */
export interface Seen {
  /** All that the origin got, connection by connection. */
  up: string;
  /** Each complete request that the origin got, in the order of their ends. */
  requests: string[];
  /** How many connections the origin got. */
  connections: number;
  /** All that the client got. */
  down: string;
}

/** The dates of now, which a proxy adds. */
const DATE = /^Date: ([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT)\r\n/gm;

/** What is left without the dates that a proxy adds; those of others are old. */
export function undated(text: string): string {
  return text.replace(
    DATE,
    (line, date) => Math.abs(Date.parse(date) - Date.now()) < 60_000 ? "" : line,
  );
}

/** Writes all of it. */
export async function send(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** An origin that answers by a script, and keeps what it got. */
export class Origin implements AsyncDisposable {
  /** What each connection brought. */
  readonly heard: string[] = [];
  readonly host: string;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void>;
  readonly #conns = new Set<Deno.Conn>();
  readonly #replies: Reply[];
  readonly #tunnel: boolean;
  #at = 0;
  #closed = false;

  constructor({ replies = [], tunnel = false }: Pick<ProxyCase, "replies" | "tunnel">) {
    this.#replies = replies.map((one) => typeof one === "string" ? { atEnd: one } : one);
    this.#tunnel = tunnel;
    this.host = `127.0.0.1:${this.#listener.addr.port}`;
    this.#serving = this.#serve();
  }

  /** Waits until all connections have ended by themselves. */
  async finish(patience: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    await within(patience, "the end of the origin's connections", this.#serving);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#listener.close();
    this.#closed = true;
    for (const conn of this.#conns) closeQuietly(conn);
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const work: Promise<void>[] = [];
    for await (const conn of this.#listener) work.push(this.#answer(conn));
    await Promise.all(work);
  }

  async #answer(conn: Deno.Conn): Promise<void> {
    this.#conns.add(conn);
    const index = this.heard.push("") - 1;
    const decoder = new Http1Decoder("request", { maxHead: 100_000, maxLine: 100_000 });
    const buffer = new Uint8Array(64 * 1024);
    let raw = this.#tunnel && this.#replies.length === 0;
    let ended = false;
    try {
      for (let size; (size = await conn.read(buffer)) !== null;) {
        const text = textOf(buffer.subarray(0, size));
        this.heard[index]! += text;
        if (raw) await send(conn, text.toUpperCase());
        else if (!ended) {
          decoder.push(buffer.slice(0, size));
          for (let event; !ended && (event = decoder.next()) !== undefined;) {
            if (event.kind === "data") continue;
            const reply = this.#replies[this.#at] ?? {};
            if (event.kind !== "end") await send(conn, reply.atHead ?? "");
            else {
              this.#at++;
              await send(conn, reply.atEnd ?? "");
              raw = this.#tunnel;
            }
            if (reply.end && (event.kind === "end" || reply.atHead !== undefined)) {
              ended = true;
              await conn.closeWrite();
            }
          }
        }
      }
      if (raw) await conn.closeWrite();
    } catch (error) {
      if (error instanceof Http1Error) this.heard[index] += `<${error.message}>`;
    }
    this.#conns.delete(conn);
    closeQuietly(conn);
  }
}

/** Options of {@linkcode FickleOrigin}. */
export interface Fickle {
  /** How many requests the first connection serves. @default 1 */
  served?: number;
  /** What the first connection says before it ends. @default nothing */
  lastWords?: string;
  /** Answers a request; returns true if it has sent the response itself. */
  answer?: (path: string, conn: Deno.Conn, fields: Http1Fields) => Promise<boolean | void>;
}

/**
 * An origin whose first connection ends, without a response, when a request comes that is one too
 * many: the idle limit of a real server passes just then. Responses name the path.
 */
export class FickleOrigin implements AsyncDisposable {
  /** Method and path of each request that was read whole and answered. */
  readonly requests: string[] = [];
  readonly bodies: string[] = [];
  readonly host: string;
  connections = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns = new Set<Deno.Conn>();
  readonly #serving: Promise<void>;
  readonly #options: Required<Fickle>;

  constructor(options: Fickle = {}) {
    this.#options = { served: 1, lastWords: "", answer: async () => {}, ...options };
    this.host = `127.0.0.1:${this.#listener.addr.port}`;
    this.#serving = this.#serve();
  }

  /** How many connections are open. */
  get open(): number {
    return this.#conns.size;
  }

  /** Closes all connections. */
  cut(): void {
    for (const conn of this.#conns) closeQuietly(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const work: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      const left = this.connections++ === 0 || this.#options.served === 0
        ? this.#options.served
        : Infinity;
      work.push(
        this.#answer(conn, left).catch(() => {}).finally(() => {
          this.#conns.delete(conn);
          closeQuietly(conn);
        }),
      );
    }
    await Promise.all(work);
  }

  async #answer(conn: Deno.Conn, left: number): Promise<void> {
    const decoder = new Http1Decoder("request");
    const buffer = new Uint8Array(64 * 1024);
    let [line, body] = ["", ""];
    let fields = new Http1Fields();
    for (let size; (size = await conn.read(buffer)) !== null;) {
      decoder.push(buffer.slice(0, size));
      for (let event; (event = decoder.next()) !== undefined;) {
        if (event.kind === "request") {
          [line, body, fields] = [`${event.method} ${event.target}`, "", event.fields];
        } else if (event.kind === "data") body += textOf(event.bytes);
        else if (left-- <= 0) return await send(conn, this.#options.lastWords);
        else await this.#respond(conn, line, body, fields);
      }
    }
  }

  async #respond(
    conn: Deno.Conn,
    line: string,
    body: string,
    fields: Http1Fields,
  ): Promise<void> {
    this.requests.push(line);
    if (body !== "") this.bodies.push(body);
    const [method, path] = line.split(" ");
    if (await this.#options.answer(path!, conn, fields) === true) return;
    const text = `[${path}]`;
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n`;
    await send(conn, method === "HEAD" ? head : head + text);
  }
}

/** Returns a message with its chunks as one. */
export function mergeChunks(text: string): string {
  const begin = text.indexOf("\r\n\r\n") + 4;
  if (!/^transfer-encoding: chunked$/im.test(text.slice(0, begin))) return text;
  let body = "";
  let at = begin;
  for (let size; (size = Number.parseInt(text.slice(at), 16)) > 0;) {
    at = text.indexOf("\r\n", at) + 2;
    body += text.slice(at, at + size);
    at += size + 2;
  }
  return `${text.slice(0, begin)}${body.length.toString(16)}\r\n${body}\r\n${text.slice(at)}`;
}

/** Runs a case against a proxy; `end` makes the proxy let go of its connections. */
export async function runCase(
  one: ProxyCase,
  port: number,
  end: () => Promise<void>,
  patience = 5000,
): Promise<Seen & { fill: (text: string) => string }> {
  await using origin = await ScriptedOrigin.start(one);
  const closed = String(deadPort());
  const fill = (text: string) => text.replaceAll("{o}", origin.host).replaceAll("{closed}", closed);
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  let down = "";
  const buffer = new Uint8Array(64 * 1024);
  const more = async () => {
    const size = await within(
      patience,
      `${one.name}: more than ${JSON.stringify(down)}`,
      client.read(buffer),
    );
    if (size !== null) down += textOf(buffer.subarray(0, size));
    return size !== null;
  };
  try {
    for (const step of typeof one.send === "string" ? [one.send] : one.send) {
      if (typeof step === "string") await send(client, fill(step));
      else while (!down.includes(step.until) && await more());
    }
    if (one.halfClose) await client.closeWrite();
    while (await more());
  } catch (error) {
    if (
      !(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe)
    ) throw error;
    down += "<reset>";
  }
  await end();
  await origin.finish(patience);
  const { heard, requests } = origin;
  return { up: heard.join(""), requests, connections: heard.length, down, fill };
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch { /* It is closed. */ }
}
