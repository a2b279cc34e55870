/** Pages and terminals that talk in the chat, judged as by its checker. @module */

import { delay } from "@std/async/delay";
import { main } from "../../examples/chat.ts";
import type { FaultProxy } from "../../tools/fault_proxy.ts";
import { type CliIo, recordingIo } from "../../tools/cli.ts";
import { judge } from "../examples/chat/checker/judge.ts";
import type { StoredLine } from "../examples/chat/checker/observations.ts";
import { PageClient } from "../examples/chat/checker/page_client.ts";
import { PageView } from "../examples/chat/checker/page_view.ts";
import { TerminalClient } from "../examples/chat/checker/terminal_client.ts";
import { within } from "../_support/runnable.ts";
import type { Random } from "../_support/stress/random.ts";
import { until } from "../_support/until.ts";
import type { Book } from "./book.ts";
import type { Load } from "./load.ts";
import type { BadNetwork } from "./network.ts";

/** Pages, of which the first one has a good network, and terminals at the same time. */
const [PAGES, TERMINALS] = [4, 2];
/** Maximum pause of a speaker, in milliseconds. */
const PAUSE = 120;

/** A chat in this process. */
export class ChatLoad implements Load {
  readonly #book: Book;
  readonly #io: ReturnType<typeof chatIo>;
  readonly #running: Promise<number>;
  readonly #good: number;
  readonly #web: FaultProxy;
  readonly #terminals: FaultProxy;
  #rounds = 0;
  #keys = 0;

  private constructor(
    book: Book,
    io: ReturnType<typeof chatIo>,
    running: Promise<number>,
    ports: { readonly good: number; readonly web: FaultProxy; readonly terminals: FaultProxy },
  ) {
    this.#book = book;
    this.#io = io;
    this.#running = running;
    this.#good = ports.good;
    this.#web = ports.web;
    this.#terminals = ports.terminals;
  }

  /** Starts the chat. */
  static async start(network: BadNetwork, book: Book): Promise<ChatLoad> {
    const io = chatIo();
    const running = main([
      ...["--port=0", "--web-port=0", "--rate=0", "--max-connections-per-address=0"],
      ...["--grace=3s", "--log-level=error", "--max-rooms=0", "--max-rooms-per-address=0"],
      // All lines of a round, so that they can be read at its end.
      "--history=2000",
    ], io.io);
    const [terminal, good] = await io.listening;
    return new ChatLoad(book, io, running, {
      good: good!,
      web: await network.lead(good!),
      terminals: await network.lead(terminal!),
    });
  }

  async round(random: Random, stop: () => boolean): Promise<void> {
    const room = `room${++this.#rounds}`;
    const connected = new AbortController();
    const pages = Array.from({ length: PAGES }, (_, i) => {
      const view = new PageView(`Page${this.#rounds}x${i}`, [room]);
      const port = i === 0 ? this.#good : this.#web.addr.port;
      return new PageClient(view, () => `http://127.0.0.1:${port}`, random.fork());
    });
    const work = pages.map((page) => page.run(connected.signal));
    const terminals: TerminalClient[] = [];
    await Promise.all([
      ...pages.map((page) => this.#speak(page, room, random.fork(), stop)),
      ...Array.from({ length: TERMINALS }, () => this.#visit(terminals, room, random.fork(), stop)),
    ]);
    // A line of a terminal is with the server when the connection has ended.
    await until(() => this.#terminals.stats().active === 0);
    const isDone = () => pages.every(({ joined, view }) => joined && view.pending === 0);
    if (!await this.#settle(pages, isDone)) return connected.abort();
    // The confirmation of a last line comes after all earlier lines.
    for (const page of pages) page.send(page.view.say(this.#key(page.view.name), "the end", room));
    if (!await this.#settle(pages, isDone)) return connected.abort();
    const place = `#${room}`;
    await pages[0]!.readAll(place, { room });
    connected.abort();
    await within(120_000, "the end of all pages", Promise.all(work));
    const witnesses = [
      ...pages.map(({ view: { name, observations } }) => ({
        name,
        observations,
        complete: [place],
      })),
      ...terminals.map(({ witness }) => witness),
    ];
    const read = pages[0]!.view.observations.findLast(({ type }) => type === "read");
    const stored: StoredLine[] = read?.type !== "read" ? [] : read.lines.map(({ seq, key }) => ({
      ...{ seq, key, place },
      author: key.replace(/-\d+$/, ""),
    }));
    for (const { rule, text } of judge({ witnesses, stored })) {
      this.#book.blame(`chat: ${rule}`, text);
    }
    this.#book.count("chat lines", stored.length);
    const shown = witnesses.flatMap(({ observations }) => observations).filter(({ type }) =>
      type === "shown"
    );
    this.#book.count("chat lines shown", shown.length);
    this.#book.count(
      "chat pages that returned",
      pages.reduce((sum, { returns }) => sum + returns - 1, 0),
    );
  }

  /** Waits until every page has every answer; notes the state of the others if that never happens. */
  async #settle(pages: readonly PageClient[], isDone: () => boolean): Promise<boolean> {
    try {
      await until(isDone);
      return true;
    } catch {
      for (const { joined, returns, refusals, view } of pages) {
        const state = { joined, returns, refusals: [...refusals], pending: view.pendingKeys };
        if (!joined || view.pending > 0) {
          this.#book.blame("chat: a page does not settle", `${view.name} ${JSON.stringify(state)}`);
        }
      }
      return false;
    }
  }

  async #speak(page: PageClient, room: string, random: Random, stop: () => boolean): Promise<void> {
    while (!stop()) {
      await delay(random.below(PAUSE));
      page.send(page.view.say(this.#key(page.view.name), "hello ".repeat(random.below(30)), room));
    }
  }

  /** Lets terminals come, speak and go. */
  async #visit(
    terminals: TerminalClient[],
    room: string,
    random: Random,
    stop: () => boolean,
  ): Promise<void> {
    while (!stop()) {
      await delay(random.below(PAUSE));
      const name = `Term${this.#keys++}`;
      const { port } = this.#terminals.addr;
      const terminal = await TerminalClient.connect(name, port).catch(() => undefined);
      if (terminal === undefined) continue;
      terminals.push(terminal);
      let gone = false;
      const shown = terminal.run().finally(() => gone = true);
      // Nothing is said in the first room of a terminal, which all rounds share.
      while (!gone && !stop() && terminal.room !== room) {
        await terminal.move(room);
        await delay(random.below(PAUSE));
      }
      for (let left = random.below(30); left > 0 && !gone && !stop(); left--) {
        await delay(random.below(PAUSE));
        await terminal.say(this.#key(name), "hello");
      }
      await terminal.close();
      await shown;
    }
  }

  #key(name: string): string {
    return `${name}-${this.#keys++}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#io.io.signal("SIGTERM");
    const code = await this.#running;
    if (code !== 0) this.#book.blame("chat: exit code", `${code}: ${this.#io.errors.join("")}`);
  }
}

/** A process for the chat, which tells the ports and keeps errors alone. */
function chatIo(): {
  readonly io: CliIo & { signal(name: "SIGTERM"): void };
  readonly listening: Promise<readonly number[]>;
  readonly errors: string[];
} {
  const { promise: listening, resolve } = Promise.withResolvers<readonly number[]>();
  const ports: number[] = [];
  const errors: string[] = [];
  const stdout = (data: string | Uint8Array) => {
    for (const [, port] of String(data).matchAll(/^listening on .*:(\d+)/gm)) {
      ports.push(Number(port));
    }
    if (ports.length === 2) resolve(ports);
  };
  return {
    io: recordingIo({ stdout, stderr: (text) => void errors.push(text) }),
    listening,
    errors,
  };
}
