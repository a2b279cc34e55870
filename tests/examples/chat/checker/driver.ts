/**
 * Drives a run: starts the real chat on a store, lets pages and terminals speak, breaks everything that
 * can break, and hands over what all of them saw.
 *
 * @module
 */

import { assert } from "@std/assert";
import { delay } from "@std/async/delay";
import { serveFaultProxy } from "../../../../tools/fault_proxy.ts";
import type { FaultProxy } from "../../../../tools/fault_proxy.ts";
import { NETWORK_FAULTS } from "../../../_support/network_faults.ts";
import { Random } from "../../../_support/stress/random.ts";
import { within } from "../../../_support/runnable.ts";
import { ChatServer } from "./chat_server.ts";
import { CheckedBus, LEASE } from "./checked_bus.ts";
import { SmallDisk } from "./disk.ts";
import { Impostor } from "./impostor.ts";
import { judge, type Violation } from "./judge.ts";
import { type Place, privatePlace, type Run } from "./observations.ts";
import { PageClient } from "./page_client.ts";
import { PageView } from "./page_view.ts";
import { TerminalClient } from "./terminal_client.ts";

/** The settings of a run. */
export interface DriverOptions {
  /** The time during which clients speak, in milliseconds. */
  readonly millis: number;
  /** The seed of all choices. */
  readonly seed: number;
  /** The number of pages. */
  readonly pages: number;
  /** The number of terminals at once. */
  readonly terminals: number;
  /** The number of nodes. More than one share a Redis. @default 1 */
  readonly nodes?: number;
  /** Whether to kill the chat between each two steps of a line, and to break nothing else. */
  readonly stepsOnly?: boolean;
  /** Called for each fault and at the end. */
  readonly onProgress?: (text: string) => void;
}

/** The result of a run. */
export interface Report {
  readonly violations: readonly Violation[];
  /** Numbers of lines, faults and so on, by name. */
  readonly counts: ReadonlyMap<string, number>;
  readonly run: Run;
}

const ROOMS = ["lobby", "tea", "team", "ops"] as const;

/** The differences of the clocks of the nodes, in milliseconds. */
const SKEWS = [0, -7 * 60_000, 11 * 60_000];

/** The steps of a line between which the chat is killed. */
const STEPS = ["number", "commit", "confirm"] as const;

/** Runs the chat, and judges it. */
export async function check(options: DriverOptions): Promise<Report> {
  const { nodes: count = 1 } = options;
  await using disk = await SmallDisk.make();
  await using bus = count > 1 ? await CheckedBus.start(count) : undefined;
  await using all = new AsyncDisposableStack();
  const nodes: CheckedNode[] = [];
  for (let i = 0; i < count; i++) {
    // The store of the first node has everything. The others keep enough in memory.
    const store = i === 0 ? `${disk.folder}/chat.db` : undefined;
    const server = all.use(
      new ChatServer(store, [
        "--rate=0",
        "--max-connections-per-address=0",
        "--grace=20s",
        "--log-level=warning",
        ...bus?.flags(i) ?? [],
        ...store === undefined ? ["--history=100000"] : [],
      ], SKEWS[i % SKEWS.length]),
    );
    await server.start();
    const proxy = async (port: number) =>
      all.use(await serveFaultProxy({ to: { hostname: "127.0.0.1", port }, maxConnections: 0 }));
    nodes.push({
      server,
      web: await proxy(server.webPort),
      terminals: await proxy(server.port),
    });
  }
  const driver = new Driver(options, { disk, nodes, bus });
  const run = await driver.run();
  return { violations: judge(run), counts: driver.counts, run };
}

/** What a run is made of. */
interface Parts {
  readonly disk: SmallDisk;
  readonly nodes: readonly CheckedNode[];
  readonly bus: CheckedBus | undefined;
}

/** A node with the proxies in front of it. */
interface CheckedNode {
  readonly server: ChatServer;
  readonly web: FaultProxy;
  readonly terminals: FaultProxy;
}

class Driver {
  readonly counts = new Map<string, number>();
  readonly #options: DriverOptions;
  readonly #parts: Parts;
  readonly #random: Random;
  readonly #pages: PageClient[] = [];
  readonly #terminals: TerminalClient[] = [];
  readonly #impostor: Impostor;
  /** Ends the speaking. */
  readonly #speaking = new AbortController();
  /** Ends the connections. */
  readonly #connected = new AbortController();
  /** The lines that waited for an answer when the full disk had room again. */
  readonly #delayed = new Set<string>();
  #keys = 0;

  constructor(options: DriverOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.#random = new Random(options.seed);
    this.#impostor = new Impostor(() => this.#url(this.#random, false));
    const names = Array.from({ length: options.pages }, (_, i) => `Page${i}`);
    for (const [i, name] of names.entries()) this.#pages.push(this.#page(name, names, i));
  }

  /** Runs to the end, and returns what everyone saw. */
  async run(): Promise<Run> {
    const { signal } = this.#connected;
    const work = this.#pages.map((page) => page.run(signal));
    await until(() => this.#pages.every(({ joined }) => joined));
    const talk = [
      ...this.#pages.map((page) => this.#speak(page, this.#random.fork())),
      ...Array.from({ length: this.#options.terminals }, () => this.#visit(this.#random.fork())),
      this.#impersonate(this.#random.fork()),
    ];
    const end = performance.now() + this.#options.millis;
    if (this.#options.stepsOnly) await this.#crashAtEachStep();
    else while (performance.now() < end) await this.#break();
    await this.#settle(talk);
    this.#connected.abort();
    await within(120_000, "the end of all pages", Promise.all(work));
    return await this.#collect();
  }

  #page(name: string, names: readonly string[], i: number): PageClient {
    const random = this.#random.fork();
    const rooms = ROOMS.filter((_, room) => room === i % ROOMS.length || random.chance(0.4));
    const partners = names.filter((other) => other !== name);
    // Some pages are never cut, so that they see what only staying pages see.
    const isCut = i % 4 !== 0;
    const view = new PageView(name, rooms, partners);
    return new PageClient(view, () => this.#url(random, isCut), random);
  }

  /** Returns the address of the web side of some node, or of the proxy in front of it. */
  #url(random: Random, isCut: boolean): string {
    const { server, web } = random.pick(this.#parts.nodes);
    return `http://127.0.0.1:${isCut ? web.addr.port : server.webPort}`;
  }

  /** Lets a page speak. */
  async #speak(page: PageClient, random: Random): Promise<void> {
    const { view } = page;
    await this.#sometimes(random, 60, () => {
      const key = this.#key(view.name);
      const text = this.#text(random);
      if (random.chance(0.02)) page.drop();
      if (this.#wanders(page) && random.chance(0.2)) return this.#wander(page, random);
      if (random.chance(0.7)) {
        return page.send(view.say(key, text, random.pick(view.staying)));
      }
      const other = random.pick(this.#pages).view;
      if (other === view) return;
      const { name, user } = other;
      const direct = user !== undefined && random.chance(0.5);
      page.send(direct ? view.tell(key, text, { name, user }) : view.whisper(key, text, name));
    });
  }

  /** Whether a page changes its rooms. Nobody promises it that it shows every line of them. */
  #wanders(page: PageClient): boolean {
    return this.#pages.indexOf(page) % 5 === 4;
  }

  #wander(page: PageClient, random: Random): void {
    const room = random.pick(ROOMS);
    const { view } = page;
    if (!view.rooms.includes(room)) page.send(view.enter(room));
    else if (page.joined && view.staying.length > 1 && view.staying.includes(room)) {
      page.send(view.leave(room));
    }
  }

  /** Lets terminals come, speak, change rooms and go. */
  async #visit(random: Random): Promise<void> {
    for (let i = 0; !this.#speaking.signal.aborted; i++) {
      await delay(random.below(500));
      const terminal = await this.#dial(`Term${this.#keys++}`, random);
      if (terminal === undefined) continue;
      this.#terminals.push(terminal);
      let gone = false;
      const shown = terminal.run().finally(() => gone = true);
      const visit = 1 + random.below(40);
      for (let n = 0; n < visit && !gone && !this.#speaking.signal.aborted; n++) {
        await delay(random.below(120));
        const key = this.#key(terminal.name);
        if (random.chance(0.1)) await terminal.move(random.pick(ROOMS));
        else if (random.chance(0.8)) await terminal.say(key, this.#text(random));
        else await terminal.whisper(key, "psst", random.pick(this.#pages).view.name);
      }
      await terminal.close();
      await shown;
    }
  }

  async #dial(name: string, random: Random): Promise<TerminalClient | undefined> {
    const { terminals } = random.pick(this.#parts.nodes);
    try {
      return await TerminalClient.connect(name, terminals.addr.port);
    } catch {
      return undefined; // The proxy refuses, or the server does not run.
    }
  }

  /** Tries to get the names of pages whose connections are lost. */
  async #impersonate(random: Random): Promise<void> {
    await this.#sometimes(random, 200, async () => {
      const victims = this.#pages.filter(({ joined, view }) => !joined && view.user !== undefined);
      if (victims.length === 0) return;
      const { name } = random.pick(victims).view;
      if (await this.#impostor.try(name)) this.#options.onProgress?.(`name stolen: ${name}`);
    });
  }

  async #sometimes(
    random: Random,
    pause: number,
    action: () => void | Promise<void>,
  ): Promise<void> {
    const { signal } = this.#speaking;
    while (!signal.aborted) {
      await delay(random.below(pause), { signal }).catch(() => {});
      if (!signal.aborted) await action();
    }
  }

  /** Breaks something, and repairs it. */
  async #break(): Promise<void> {
    const random = this.#random;
    const { bus } = this.#parts;
    if (bus !== undefined && random.chance(0.5)) await this.#breakBus(bus);
    const choice = random.next();
    if (choice < 0.15) await this.#kill();
    else if (choice < 0.3) await this.#crash();
    else if (choice < 0.35) await this.#restart();
    else if (choice < 0.5 && bus === undefined && this.#parts.disk.canFill) await this.#fill();
    else if (choice < 0.6) this.#cut();
    else await this.#disturb();
    await delay(random.below(1_000));
  }

  /** Breaks Redis, the way of a node to it, or a node that has one. */
  async #breakBus(bus: CheckedBus): Promise<void> {
    const random = this.#random;
    const choice = random.next();
    // Longer than a lease, or shorter.
    const pause = random.chance(0.3) ? LEASE * 1.5 : random.below(LEASE / 2);
    if (choice < 0.3) {
      this.#count("node frozen");
      await this.#some().freeze(pause);
    } else if (choice < 0.5) {
      this.#count("redis killed");
      await bus.restart(random.below(1_000));
    } else if (choice < 0.6) {
      this.#count("redis frozen");
      await bus.freeze(pause);
    } else if (choice < 0.7) {
      this.#count("bus failover");
      await bus.failover(random);
    } else if (choice < 0.8) {
      this.#count("bus replica cut");
      await bus.cutReplica(random, pause);
    } else {
      this.#count("bus cut");
      await bus.cut(random, pause);
    }
  }

  #some(): ChatServer {
    return this.#random.pick(this.#parts.nodes).server;
  }

  async #kill(): Promise<void> {
    this.#count("kill -9");
    const server = this.#some();
    await server.kill();
    await delay(this.#random.below(500));
    await server.start();
  }

  /** Lets the chat kill itself between two steps of a line. Returns whether it has. */
  async #crash(step = this.#random.pick(STEPS), patience = 3_000): Promise<boolean> {
    const server = this.#some();
    await server.kill();
    await server.start({ step, after: this.#random.below(50) });
    const isCrashed = await server.hasCrashed(patience);
    if (isCrashed) this.#count(`kill -9 at ${step}`);
    await server.kill();
    await server.start();
    return isCrashed;
  }

  async #crashAtEachStep(): Promise<void> {
    for (const step of STEPS) {
      if (!await this.#crash(step, 30_000)) throw new Error(`The chat never came to ${step}`);
    }
  }

  async #restart(): Promise<void> {
    this.#count("restart");
    const server = this.#some();
    const code = await server.stop();
    if (code !== 0) throw new Error(`The chat ended with ${code}: ${server.log}`);
    await server.start();
  }

  async #fill(): Promise<void> {
    this.#count("disk full");
    await this.#parts.disk.fill();
    await delay(200 + this.#random.below(800));
    // A start on a full disk may fail, and must not damage the store.
    const server = this.#some();
    if (this.#random.chance(0.3)) await server.kill();
    await this.#parts.disk.free();
    for (const { view } of this.#pages) for (const key of view.pendingKeys) this.#delayed.add(key);
    if (server.isDown) await server.start();
  }

  #cut(): void {
    this.#count("cut");
    const { web, terminals } = this.#random.pick(this.#parts.nodes);
    web.reset();
    terminals.reset();
  }

  async #disturb(): Promise<void> {
    this.#count("fault");
    const random = this.#random;
    const { web, terminals } = random.pick(this.#parts.nodes);
    await Promise.all([
      web.setFaults(random.pick(NETWORK_FAULTS)(random)),
      terminals.setFaults(random.pick(NETWORK_FAULTS)(random)),
    ]);
    await delay(200 + random.below(1_500));
    await Promise.all([web.setFaults({}), terminals.setFaults({})]);
  }

  /** Ends all faults and waits until every page has every answer. */
  async #settle(talk: readonly Promise<void>[]): Promise<void> {
    this.#options.onProgress?.("waiting for the last answers");
    this.#speaking.abort();
    await within(120_000, "the end of all talk", Promise.all(talk));
    const { nodes } = this.#parts;
    // A line of a terminal may still be on its way. It is with the server when the connection has ended.
    await until(() => nodes.every(({ terminals }) => terminals.stats().active === 0));
    await until(() => this.#pages.every(({ joined }) => joined));
    // The confirmation of a last line comes after all earlier lines.
    for (const page of this.#pages) {
      const { view } = page;
      for (const room of view.staying) page.send(view.say(this.#key(view.name), "the end", room));
    }
    await until(() => this.#pages.every(({ joined, view }) => joined && view.pending === 0));
    // Another node may read the last lines some milliseconds later.
    if (this.#parts.bus !== undefined) await delay(1_000);
    for (const page of this.#pages) {
      for (const room of page.view.staying) await page.readAll(`#${room}`, { room });
      for (const other of this.#pages) {
        if (other === page) continue;
        const place = privatePlace(page.view.name, other.view.name);
        await page.readAll(place, { peer: `${other.view.user}` });
      }
    }
  }

  async #collect(): Promise<Run> {
    for (const { server } of this.#parts.nodes) await server.stop();
    const { server } = this.#parts.nodes[0]!;
    if (this.#parts.bus !== undefined) {
      // The first node reads what Redis has, and its store does not have yet.
      await server.start();
      await server.stop();
    }
    const stored = await server.stored();
    const witnesses = [
      ...this.#pages.map((page) => ({
        name: page.view.name,
        observations: page.view.observations,
        complete: this.#places(page),
      })),
      ...this.#terminals.map(({ witness }) => witness),
      ...this.#impostor.witnesses,
    ];
    for (const { observations } of witnesses) {
      for (const one of observations) {
        this.#count(one.type === "refused" ? `refused: ${one.code}` : one.type);
      }
    }
    this.#count("stored", stored.length);
    this.#count("returns", this.#pages.reduce((sum, { returns }) => sum + returns, 0));
    this.#count("impostors refused", this.#impostor.refused);
    return { witnesses, stored, delayed: this.#delayed };
  }

  /** Returns the places of which a page must show everything. */
  #places(page: PageClient): Place[] {
    const { name, rooms } = page.view;
    const partners = this.#pages.filter((other) => other !== page);
    return [
      ...this.#wanders(page) ? [] : rooms.map((room) => `#${room}`),
      ...partners.map(({ view }) => privatePlace(name, view.name)),
    ];
  }

  #key(name: string): string {
    return `${name}-${this.#keys++}`;
  }

  #text(random: Random): string {
    const words = ["hello", "你好", "👍", "x".repeat(random.below(300)), "a\u0301", "<b>&amp;</b>"];
    return Array.from({ length: 1 + random.below(4) }, () => random.pick(words)).join(" ");
  }

  #count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
    if (/^(?:kill|restart|disk|cut|fault|node|redis|bus)/.test(name)) {
      this.#options.onProgress?.(name);
    }
  }
}

/** Waits until `check` holds. With many faults on a busy machine, this can take minutes. */
async function until(check: () => boolean): Promise<void> {
  const end = performance.now() + 300_000;
  while (!check()) {
    assert(performance.now() < end, `not within five minutes: ${check}`);
    await delay(20);
  }
}
