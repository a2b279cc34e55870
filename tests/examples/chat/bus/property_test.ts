/**
 * Random actions on several nodes have the same effect as in one chat in memory. fast-check prints the seed
 * and the shortest sequence that it finds. `deno task fuzz` and `FUZZ_MILLIS`, `FUZZ_SEED` make the runs longer.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { StoredMessage } from "../../../../examples/chat/archive/archive.ts";
import { openArchive } from "../../../../examples/chat/archive/sqlite_archive.ts";
import { type ChatEvent, Lobby } from "../../../../examples/chat/lobby.ts";
import { fuzzRuns } from "../../../_support/fuzz_runs.ts";
import { redis, RedisServer } from "../../../_support/redis.ts";
import { RecordingFace, until } from "../_faces.ts";
import { Node } from "./_bus.ts";
import { type Action, ROOMS, Twin } from "./_twin.ts";

const NODES = 3;
const USERS = 4;

const number = fc.nat(11);
const who = fc.nat(USERS - 1);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("join"), who, node: number, room: number }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("return"), who, node: number, since: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("lose", "quit", "repeat"), who }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom("say", "say", "say", "enter", "enter", "leave"),
      who,
      room: number,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("tell"), who, to: number }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("edit", "remove"), who, target: number }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("react"), who, target: number, on: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename"), who, name: number }) },
);

/** Each user comes at first. */
const actions = fc.array(action, { minLength: 5, maxLength: 40 }).map((rest): Action[] => [
  ...Array.from({ length: USERS }, (_, i): Action => ({ do: "join", who: i, node: i, room: 0 })),
  ...rest,
]);

let server: RedisServer | undefined;
Deno.test.beforeAll(async () => {
  if (!redis.ignore) server = await RedisServer.start(["--appendfsync", "no"]);
});
Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());

/** The nodes of a chat of its own. */
async function startNodes(stack: AsyncDisposableStack): Promise<Node[]> {
  const options = { url: server!.url, name: crypto.randomUUID(), lease: 60_000 };
  const nodes = await Promise.all(Array.from({ length: NODES }, () => Node.start(options)));
  return nodes.map((node) => stack.use(node));
}

/** Runs a property. A longer run finds more. */
function property(name: string, play: (all: readonly Action[]) => Promise<void>): void {
  Deno.test({
    name: `${name}${redis.suffix}`,
    ignore: redis.ignore,
    fn: () => fc.assert(fc.asyncProperty(actions, play), fuzzRuns(4)),
  });
}

property("random actions on three nodes show each user what one chat shows", async (all) => {
  await using stack = new AsyncDisposableStack();
  const model = new Twin([stack.adopt(oneChat(), (lobby) => lobby.shutdown())], USERS + 1);
  const nodes = await startNodes(stack);
  const chat = new Twin(nodes.map(({ lobby }) => lobby), USERS + 1);
  // After the last join, all nodes have read what came before it.
  for (const action of [...all, { do: "join", who: USERS, node: 0, room: 0 } as const]) {
    const { messages } = model;
    await model.act(action, messages);
    await chat.act(action, messages);
    const [rooms = ""] = model.rooms();
    const isEqual = () =>
      chat.seen() === model.seen() && chat.rooms().every((node) => node === rooms);
    await until(isEqual).catch(() => {});
    assertEquals(chat.seen(), model.seen());
    assertEquals(chat.rooms(), chat.rooms().map(() => rooms));
  }
});

function oneChat(): Lobby {
  const archive = openArchive(":memory:");
  return new Lobby({ archive, now: Date.now, secret: () => crypto.randomUUID() });
}

property("actions at the same time have one order, and what it makes of them", async (all) => {
  await using stack = new AsyncDisposableStack();
  const nodes = await startNodes(stack);
  const chat = new Twin(nodes.map(({ lobby }) => lobby), USERS);
  const faces = nodes.map(() => new RecordingFace("many"));
  for (const [i, { lobby }] of nodes.entries()) {
    await lobby.join({ name: `Watch${i}`, rooms: ROOMS }, faces[i]!);
  }
  await Promise.all(Array.from({ length: USERS }, async (_, who) => {
    for (const one of all) if (one.who === who) await chat.act(one, chat.messages);
  }));
  // All nodes have read what came before the last lines.
  for (const { lobby } of nodes) await lobby.settled();
  const last = Math.max(...nodes.map(({ archive }) => archive.lastSeq));
  await until(() => nodes.every(({ archive }) => archive.lastSeq === last));
  const orders = faces.map(({ events }) => events.filter(isNumbered));
  for (const order of orders) {
    assertEquals(
      order.map(({ seq }) => seq),
      orders[0]!.map(({ seq }) => seq),
    );
  }
  for (const { archive } of nodes) {
    for (const room of ROOMS) {
      const { messages } = await archive.history(`#${room}`, { limit: 1000 });
      assertEquals(messages.map(plain), outcome(orders[0]!.filter((event) => event.room === room)));
    }
  }
});

/** An event of a room that has a number. */
type Numbered = Extract<ChatEvent, { readonly type: "message" | "edit" | "delete" | "reaction" }>;

function isNumbered(event: ChatEvent): event is Numbered {
  return ["message", "edit", "delete", "reaction"].includes(event.type);
}

/** A message of the model. */
interface Plain {
  readonly line: string;
  readonly text: string;
  readonly likes: readonly number[];
}

function plain({ user, line, text, reactions = [] }: StoredMessage): Plain {
  return { line: `${user}:${line}`, text, likes: reactions.map((one) => one.user) };
}

/** Returns the messages that the events of a room result in, and checks that each line comes once, in order. */
function outcome(events: readonly Numbered[]): Plain[] {
  const messages = new Map<number, Plain>();
  const latest = new Map<number, number>();
  for (const event of events) {
    const { seq, user, id = 0 } = event;
    if (event.type === "message") {
      assert(id > (latest.get(user) ?? 0), `line ${id} of ${user} is behind ${latest.get(user)}`);
      latest.set(user, id);
      messages.set(seq, { line: `${user}:${id}`, text: event.text, likes: [] });
      continue;
    }
    const message = messages.get(event.target);
    assert(message !== undefined, `${event.type} ${seq} comes before its message`);
    const others = message.likes.filter((one) => one !== user);
    if (event.type === "edit") messages.set(event.target, { ...message, text: event.text });
    else if (event.type === "delete") {
      messages.set(event.target, { ...message, text: "", likes: [] });
    } else messages.set(event.target, { ...message, likes: event.on ? [...others, user] : others });
  }
  return [...messages.values()];
}
