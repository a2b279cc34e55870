/** The origin of the raw cases of the proxy, on `node:net`, which can reset a connection. @module */

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { delay } from "@std/async/delay";
import { Http1Decoder, Http1Error } from "../../../http/http1/codec.ts";
import { within } from "../../_support/runnable.ts";
import { bytesOf, textOf } from "../../_support/http1.ts";
import type { ProxyCase, Reply } from "./cases.ts";

/** An origin that answers by a script, and keeps what it got. It can reset a connection. */
export class ScriptedOrigin implements AsyncDisposable {
  /** What each connection brought. */
  readonly heard: string[] = [];
  /** Each complete request, in the order in which they were complete. */
  readonly requests: string[] = [];
  readonly #server: Server = createServer({ allowHalfOpen: true, noDelay: true });
  readonly #work = new Set<Promise<void>>();
  readonly #sockets = new Set<Socket>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #replies: Reply[];
  readonly #tunnel: boolean;
  readonly #lastWords: readonly string[];
  #host = "";
  #at = 0;

  private constructor({ replies = [], tunnel = false, lastWords = [] }: Script) {
    this.#replies = replies.map((one) => typeof one === "string" ? { atEnd: one } : one);
    this.#tunnel = tunnel;
    this.#lastWords = lastWords;
    this.#server.on("connection", (socket) => {
      const work = this.#answer(socket);
      this.#work.add(work);
      work.finally(() => this.#work.delete(work));
    });
    this.#server.on("close", () => this.#closed.resolve());
  }

  /** Starts one on a free port of 127.0.0.1. */
  static async start(script: Script): Promise<ScriptedOrigin> {
    const origin = new ScriptedOrigin(script);
    await new Promise<void>((resolve) => origin.#server.listen(0, "127.0.0.1", resolve));
    const { address, port } = origin.#server.address() as AddressInfo;
    origin.#host = `${address}:${port}`;
    return origin;
  }

  /** Its host and port. */
  get host(): string {
    return this.#host;
  }

  /** Waits until all connections have ended by themselves. */
  async finish(patience: number): Promise<void> {
    this.#server.close();
    await within(patience, "the end of the origin's connections", this.#ended());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#ended();
  }

  async #ended(): Promise<void> {
    await this.#closed.promise;
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  async #answer(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on("error", () => {}); // The iterator below reports it.
    const index = this.heard.push("") - 1;
    const decoder = new Http1Decoder("request", { maxHead: 100_000, maxLine: 100_000 });
    let raw = this.#tunnel && this.#replies.length === 0;
    let ended = false;
    let begun = 0; // Where the current request begins in what was heard.
    try {
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        const text = textOf(chunk);
        this.heard[index]! += text;
        if (raw) await write(socket, text.toUpperCase());
        else if (!ended) {
          decoder.push(new Uint8Array(chunk));
          for (let event; !ended && (event = decoder.next()) !== undefined;) {
            if (event.kind === "data") continue;
            const reply = this.#replies[this.#at] ?? {};
            if (event.kind !== "end") await write(socket, reply.atHead ?? "");
            else {
              this.#at++;
              const upTo = this.heard[index]!.length - decoder.buffered;
              this.requests.push(this.heard[index]!.slice(begun, upTo));
              begun = upTo;
              await write(socket, reply.atEnd ?? "");
              raw = this.#tunnel;
            }
            if (event.kind !== "end" && reply.atHead === undefined) continue;
            if (reply.reset) socket.resetAndDestroy();
            else if (reply.end) socket.end();
            ended = reply.reset || reply.end || false;
          }
        }
      }
      if (raw) {
        for (const words of this.#lastWords) {
          await write(socket, words);
          await delay(20); // So that they are packets of their own.
        }
      }
      socket.end();
      if (!socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
    } catch (error) {
      if (error instanceof Http1Error) this.heard[index] += `<${error.message}>`;
    }
    socket.destroy();
    this.#sockets.delete(socket);
  }
}

/** What an origin goes by. */
type Script = Pick<ProxyCase, "replies" | "tunnel" | "lastWords">;

function write(socket: Socket, text: string): Promise<void> {
  if (text === "") return Promise.resolve();
  return new Promise((resolve, reject) =>
    socket.write(bytesOf(text), (error) => error ? reject(error) : resolve())
  );
}
