/**
 * Simulates the fan-out of the chat for 1,000, 100,000 and 10 million users who are connected at the same
 * time, and prints the table of docs/operations.md.
 *
 * ```sh
 * deno run tests/bench/chat_scale.ts
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

import { Random } from "../_support/stress/random.ts";
import { type Costs, type Forecast, type Habits, type Plan, simulate } from "./_chat_model.ts";

const KIB = 1024;

/** The seconds of a day. */
const DAY = 86_400;

/**
 * The costs, as they were measured at 200 lines a second. Other programs loaded the machine at the
 * same time, and more lines a second are cheaper. `network` is that between machines of one data centre, and is assumed.
 */
export const COSTS: Costs = {
  line: 100,
  read: 120,
  delivery: 40,
  script: 62,
  serve: 10,
  network: 250,
  frame: 300,
  record: 350,
  kept: 300,
  logged: 660,
  local: 36 * KIB,
  remote: 13 * KIB,
};

/** The assumptions: five rooms for each user, a line every five minutes. */
export const HABITS: Habits = {
  rooms: 5,
  linesPerHour: 12,
  exponent: 1.2,
  sizes: [2, 2000],
};

/** A system with its name, and the seconds that are simulated. */
export interface Scenario extends Plan {
  readonly name: string;
  readonly seconds: number;
}

/** The systems of the table. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "1,000 users", users: 1000, shards: 1, nodes: 2, seconds: 600 },
  { name: "100,000 users", users: 100_000, shards: 1, nodes: 8, seconds: 20 },
  { name: "10 million users, 100 shards", users: 1e7, shards: 100, nodes: 8, seconds: 20 },
];

const number = (value: number) =>
  value.toLocaleString(
    "en-US",
    value < 10 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 },
  );
const percent = (share: number) => `${number(share * 100)} %`;
const gibibytes = (bytes: number) => `${number(bytes / 2 ** 30)} GiB`;
const megabits = (bytes: number) => `${number(bytes * 8 / 1e6)} Mbit/s`;

/** The rows of the table. */
const ROWS: readonly [string, (forecast: Forecast, plan: Plan) => string][] = [
  ["Shards, each with a Redis", (_, { shards }) => number(shards)],
  ["Nodes, all together", (_, { shards, nodes }) => number(shards * nodes)],
  ["Lines a second, all together", ({ lines }, { shards }) => number(lines * shards)],
  ["Deliveries of a line", ({ deliveries }) => number(deliveries)],
  [
    "Nodes that read a line, and have someone for it",
    ({ reached }, { nodes }) => `${number(nodes)}, ${number(reached)}`,
  ],
  [
    "Deliveries a second, all together",
    ({ lines, deliveries }, { shards }) => number(lines * deliveries * shards),
  ],
  ["CPU of the busiest node, of one core", ({ node }) => percent(node)],
  ["CPU of a Redis, of one core", ({ redis }) => percent(redis)],
  ["From Redis to a node", ({ busBytes }) => megabits(busBytes)],
  ["From a node to its users", ({ userBytes }) => megabits(userBytes)],
  ["Memory of a node", ({ memory }) => gibibytes(memory)],
  ["Memory of a Redis for a day of lines", ({ lines }) => gibibytes(lines * DAY * COSTS.kept)],
  ["Append-only file for a day of lines", ({ lines }) => gibibytes(lines * DAY * COSTS.logged)],
  ["Receipt to last delivery, median", ({ p50 }) => `${number(p50)} ms`],
  ["Receipt to last delivery, 99th percentile", ({ p99 }) => `${number(p99)} ms`],
];

/** Returns the table in Markdown. */
export function scaleTable(): string {
  const results = SCENARIOS.map((plan) => ({
    plan,
    forecast: simulate(new Random(1), plan, {
      costs: COSTS,
      habits: HABITS,
      seconds: plan.seconds,
    }),
  }));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(["", ...SCENARIOS.map(({ name }) => name)]),
    line(["---", ...SCENARIOS.map(() => "---:")]),
    ...ROWS.map(([name, of]) => {
      return line([name, ...results.map(({ plan, forecast }) => of(forecast, plan))]);
    }),
  ].join("\n");
}

if (import.meta.main) console.log(scaleTable());
