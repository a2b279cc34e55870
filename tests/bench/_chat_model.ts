/**
 * A model of the chat on several machines: rooms of realistic sizes, users spread over nodes, and a simulation
 * of lines on their way through nodes and Redis, each of which does one thing at a time.
 *
 * Pure: the same seed gives the same numbers.
 *
 * @module
 */

import type { Random } from "../_support/stress/random.ts";

/** The measured costs. Times are in microseconds of one core, sizes in bytes. */
export interface Costs {
  /** A line at the node of its author: receipt, script, confirmation. */
  readonly line: number;
  /** A line at each node that reads it: record, copy. */
  readonly read: number;
  /** A delivery to one user. */
  readonly delivery: number;
  /** A line in Redis: the script. */
  readonly script: number;
  /** A line in Redis for each node that reads it. */
  readonly serve: number;
  /** The way between two machines, one direction. */
  readonly network: number;
  /** A line on its way to a user: JSON, WebSocket, TLS, TCP and IP. */
  readonly frame: number;
  /** A line in the streams of Redis, and on its way to a node. */
  readonly record: number;
  /** A line in the memory of Redis, and in its append-only file. */
  readonly kept: number;
  readonly logged: number;
  /** The memory of a user at his own node. */
  readonly local: number;
  /** The memory of a user of another node. */
  readonly remote: number;
}

/** What is assumed about users. */
export interface Habits {
  /** The rooms of a user. */
  readonly rooms: number;
  /** The lines of a user in an hour. */
  readonly linesPerHour: number;
  /** The exponent of the sizes of rooms: a share of size^-exponent is larger than size. */
  readonly exponent: number;
  /** The smallest and the largest room. */
  readonly sizes: readonly [min: number, max: number];
}

/** A system: shards, each a chat with a Redis of its own. */
export interface Plan {
  /** The users who are connected at the same time. */
  readonly users: number;
  /** The shards. */
  readonly shards: number;
  /** The nodes of a shard. */
  readonly nodes: number;
}

/** A room of a shard: its members at each node. */
export type RoomPlan = readonly number[];

/** What the simulation says about one shard. */
export interface Forecast {
  /** Lines in a second. */
  readonly lines: number;
  /** Deliveries of a line, and the nodes with someone in its room. */
  readonly deliveries: number;
  readonly reached: number;
  /** The share of a core that the busiest node and Redis use. */
  readonly node: number;
  readonly redis: number;
  /** Bytes in a second: from Redis to a node, and from a node to its users. */
  readonly busBytes: number;
  readonly userBytes: number;
  /** The memory of a node in bytes. */
  readonly memory: number;
  /** The time from the receipt of a line to its last delivery, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Returns rooms until their members are all memberships of the users of a shard. */
export function drawRooms(
  random: Random,
  habits: Habits,
  { users, nodes }: { users: number; nodes: number },
): RoomPlan[] {
  const [min, max] = habits.sizes;
  const rooms: number[][] = [];
  for (let left = users * habits.rooms; left > 0;) {
    const drawn = min * (1 - random.next()) ** (-1 / habits.exponent);
    const size = Math.min(Math.floor(drawn), max, users, left);
    const members = new Array<number>(nodes).fill(0);
    for (let i = 0; i < size; i++) members[random.below(nodes)]!++;
    rooms.push(members);
    left -= size;
  }
  return rooms;
}

/** Returns a function that draws the room of a line: a room has lines as it has members. */
function speaking(random: Random, rooms: readonly RoomPlan[]): () => RoomPlan {
  let total = 0;
  const ends = rooms.map((room) => total += room.reduce((sum, count) => sum + count, 0));
  return () => {
    const member = random.below(total);
    let [low, high] = [0, rooms.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle]! > member) high = middle;
      else low = middle + 1;
    }
    return rooms[low]!;
  };
}

/** Something that does one thing at a time. */
class Station {
  #free = 0;
  /** The time for which it worked, in microseconds. */
  busy = 0;

  /** Takes work that arrives at a time, and returns the time of its end. */
  work(at: number, duration: number): number {
    this.busy += duration;
    return this.#free = Math.max(at, this.#free) + duration;
  }
}

/** A step of a line. */
interface Step {
  readonly at: number;
  run(at: number): void;
}

/** Steps in the order of their times: a binary heap. */
class Agenda {
  readonly #heap: Step[] = [];

  add(at: number, run: (at: number) => void): void {
    const heap = this.#heap;
    let i = heap.push({ at, run }) - 1;
    for (let above = (i - 1) >> 1; i > 0 && heap[above]!.at > at; above = (i - 1) >> 1) {
      [heap[i], heap[above]] = [heap[above]!, heap[i]!];
      i = above;
    }
  }

  run(): void {
    for (let step = this.#take(); step !== undefined; step = this.#take()) step.run(step.at);
  }

  #take(): Step | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || heap.length === 0) return first;
    heap[0] = last!;
    for (let i = 0;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && heap[child]!.at < heap[least]!.at) least = child;
      }
      if (least === i) return first;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  }
}

/**
 * Simulates the lines of one shard.
 *
 * @param random The source of chance.
 * @param plan The system; all shards are alike.
 * @param costs The measured costs.
 * @param habits The assumptions about users.
 * @param seconds The time that is simulated.
 */
export function simulate(
  random: Random,
  { users, shards, nodes }: Plan,
  { costs, habits, seconds }: { costs: Costs; habits: Habits; seconds: number },
): Forecast {
  const here = Math.ceil(users / shards);
  const rooms = drawRooms(random, habits, { users: here, nodes });
  const pick = speaking(random, rooms);
  const rate = here * habits.linesPerHour / 3600;
  const redis = new Station();
  const stations = Array.from({ length: nodes }, () => new Station());
  const agenda = new Agenda();
  const delays: number[] = [];
  let [deliveries, reached] = [0, 0];
  const say = (begun: number) => {
    const room = pick();
    const author = stations[random.below(nodes)]!;
    let waiting = nodes;
    const deliver = (node: number, at: number) => {
      const members = room[node]!;
      const end = stations[node]!.work(at, costs.read + members * costs.delivery);
      deliveries += members;
      if (members > 0) reached++;
      if (--waiting === 0) delays.push((end - begun) / 1000);
    };
    const sent = author.work(begun, costs.line) + costs.network;
    agenda.add(sent, (at) => {
      const stored = redis.work(at, costs.script + nodes * costs.serve) + costs.network;
      for (let i = 0; i < nodes; i++) agenda.add(stored, (then) => deliver(i, then));
    });
  };
  const pause = () => -Math.log(1 - random.next()) / rate * 1e6;
  for (let at = 0; at < seconds * 1e6; at += pause()) {
    agenda.add(at, say);
  }
  agenda.run();
  delays.sort((a, b) => a - b);
  const lines = delays.length;
  const share = (busy: number) => busy / (seconds * 1e6);
  return {
    lines: lines / seconds,
    deliveries: deliveries / lines,
    reached: reached / lines,
    node: share(Math.max(...stations.map(({ busy }) => busy))),
    redis: share(redis.busy),
    busBytes: lines / seconds * costs.record,
    userBytes: deliveries / seconds / nodes * costs.frame,
    memory: here / nodes * costs.local + (here - here / nodes) * costs.remote,
    p50: delays[Math.floor(lines * 0.5)]!,
    p99: delays[Math.floor(lines * 0.99)]!,
  };
}
