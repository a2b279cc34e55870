/** Many users of the chat in one process: pages and terminals that speak and measure the way of lines. @module */

import { within } from "../_support/runnable.ts";

/** How long something may take that the crowd waits for, in milliseconds. */
const PATIENCE = 60_000;

/** The number of users that join at the same time. */
const AT_ONCE = 50;

/** The text around the number of a line. */
const MARK = /«(\d+)»/g;

/** The addresses of a chat. */
export interface ChatPorts {
  /** The port for terminals. */
  readonly terminals: number;
  /** The port of the web side. */
  readonly web: number;
}

/** One user. */
interface User {
  readonly room: string;
  say(text: string): void;
  close(): void;
}

/** A crowd, evenly spread over the rooms and the nodes; every other user is a terminal. */
export class Crowd implements AsyncDisposable {
  readonly #users: User[] = [];
  readonly #nodes: readonly ChatPorts[];
  readonly #sent: number[] = [];
  readonly #last: number[] = [];
  readonly #left: number[] = [];
  /** The frames and lines that arrived, for the farewell. */
  received = 0;
  #closed = 0;
  #pending = 0;
  #done: PromiseWithResolvers<void> | undefined;
  #size = 0;

  /** @param nodes The nodes of a chat, or its only process. */
  constructor(...nodes: readonly ChatPorts[]) {
    this.#nodes = nodes;
  }

  /** Lets users join. */
  async join(users: number, rooms: number): Promise<void> {
    for (let from = 0; from < users; from += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, users - from) }, (_, i) => from + i);
      const joined = some.map((i) => {
        const [name, room] = [`user${i}`, `room${i % rooms}`];
        const place = Math.floor(i / rooms);
        const node = this.#nodes[(Math.floor(place / 2) + i % rooms) % this.#nodes.length]!;
        return place % 2 === 0 ? this.#page(node, name, room) : this.#terminal(node, name, room);
      });
      this.#users.push(...await within(PATIENCE, "the welcome", Promise.all(joined)));
    }
    this.#size = users / rooms;
  }

  /** Sends lines at a rate, and returns the time of each from its sending to its last delivery. */
  async talk(lines: number, perSecond: number): Promise<number[]> {
    this.#done = Promise.withResolvers();
    this.#pending = lines;
    const first = this.#sent.length;
    const started = performance.now();
    for (let i = 0; i < lines;) {
      const due = Math.min(lines, Math.ceil((performance.now() - started) / 1000 * perSecond));
      for (; i < due; i++) this.#say(this.#users[(i * 7919) % this.#users.length]!);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await within(PATIENCE, "the last delivery", this.#done.promise);
    return this.#sent.slice(first).map((at, i) => this.#last[first + i]! - at);
  }

  /** Waits until all connections are closed. */
  async untilClosed(): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (this.#closed < this.#users.length) {
      if (performance.now() > end) throw new Error("Some connections stay open");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const user of this.#users) user.close();
    await this.untilClosed();
  }

  #say(user: User): void {
    const number = this.#sent.length;
    // The author of a page gets the line, too, and that of a terminal does not.
    this.#left.push(this.#size - 1);
    this.#last.push(0);
    this.#sent.push(performance.now());
    user.say(`«${number}» and some words as people write them`);
  }

  #heard(text: string, author: string): void {
    for (const [, number] of text.matchAll(MARK)) {
      const i = Number(number);
      if (author !== "" && text.includes(author)) continue;
      this.#last[i] = performance.now();
      this.#left[i]!--;
      if (this.#left[i] === 0 && --this.#pending === 0) this.#done?.resolve();
    }
  }

  #page({ web }: ChatPorts, name: string, room: string): Promise<User> {
    const socket = new WebSocket(`ws://127.0.0.1:${web}/ws`);
    const { promise, resolve, reject } = Promise.withResolvers<User>();
    let id = 0;
    const user = {
      room,
      say: (text: string) => socket.send(JSON.stringify({ type: "say", id: ++id, text })),
      close: () => socket.close(),
    };
    socket.onopen = () => socket.send(JSON.stringify({ type: "join", name, room }));
    socket.onerror = () => reject(new Error(`${name} cannot connect`));
    socket.onclose = () => this.#closed++;
    socket.onmessage = ({ data }) => {
      this.received++;
      if (data.includes("«")) this.#heard(data, '"own":true');
      else if (data.startsWith('{"type":"welcome"')) resolve(user);
      else if (data.startsWith('{"type":"error"')) reject(new Error(data));
    };
    return promise;
  }

  async #terminal({ terminals }: ChatPorts, name: string, room: string): Promise<User> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: terminals });
    const encoder = new TextEncoder();
    const { promise, resolve } = Promise.withResolvers<User>();
    const say = (text: string) => void conn.write(encoder.encode(`${text}\n`)).catch(() => {});
    const user = { room, say, close: () => conn.close() };
    void this.#hear(conn, (text) => {
      this.received += text.split("\n").length - 1;
      if (text.includes("«")) this.#heard(text, "");
      if (text.includes(`in #${room}`)) resolve(user);
    });
    say(name);
    say(`/join #${room}`);
    return promise;
  }

  async #hear(conn: Deno.TcpConn, take: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(64 * 1024);
    let rest = "";
    try {
      for (let count; (count = await conn.read(buffer)) !== null;) {
        const text = rest + decoder.decode(buffer.subarray(0, count), { stream: true });
        const end = text.lastIndexOf("\n") + 1;
        rest = text.slice(end);
        if (end > 0) take(text.slice(0, end));
      }
      conn.close();
    } catch { /* The connection is closed. */ }
    this.#closed++;
  }
}
