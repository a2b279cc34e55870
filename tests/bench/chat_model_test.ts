import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Random } from "../_support/stress/random.ts";
import { type Costs, drawRooms, type Habits, simulate } from "./_chat_model.ts";
import { COSTS, HABITS, scaleTable } from "./chat_scale.ts";

const PAIRS: Habits = { rooms: 1, linesPerHour: 36, exponent: 1, sizes: [2, 2] };

const forecast = (nodes: number, costs: Costs = COSTS, habits: Habits = PAIRS, users = 100) => {
  const plan = { users, shards: 1, nodes };
  return simulate(new Random(7), plan, { costs, habits, seconds: 100 });
};

Deno.test("a line alone takes the sum of its steps", () => {
  const { p50, lines, deliveries } = forecast(1);
  const { line, network, script, serve, read, delivery } = COSTS;
  assertEquals(Math.round(p50 * 1000), line + 2 * network + script + serve + read + 2 * delivery);
  assert(lines > 0.7 && lines < 1.3, `${lines}`);
  assertEquals(deliveries, 2);
});

Deno.test("a line waits for lines before it", () => {
  const { p50, p99, node } = forecast(1, { ...COSTS, delivery: 300_000 });
  assert(p99 > p50 && p99 > 700, `${p50} ${p99}`);
  assert(node > 0.4 && node < 0.8, `${node}`);
});

Deno.test("more nodes share the deliveries, and each reads every line", () => {
  const habits = { ...HABITS, sizes: [50, 50] } as const;
  const [one, four] = [forecast(1, COSTS, habits, 1000), forecast(4, COSTS, habits, 1000)];
  assert(four.node < one.node && four.node > one.node / 4, `${one.node} ${four.node}`);
  assert(four.redis > one.redis);
  assertEquals(four.busBytes, four.lines * COSTS.record);
  assert(four.memory > one.memory / 4);
});

Deno.test("the sizes of rooms stay within their limits, and fill all memberships", () => {
  const rooms = drawRooms(new Random(3), HABITS, { users: 5000, nodes: 3 });
  const sizes = rooms.map((room) => room.reduce((sum, count) => sum + count));
  assertEquals(sizes.reduce((sum, size) => sum + size), 5000 * HABITS.rooms);
  assert(Math.max(...sizes) <= HABITS.sizes[1] && Math.max(...sizes) > 200);
  assert(sizes.slice(0, -1).every((size) => size >= HABITS.sizes[0]));
});

Deno.test("docs/operations.md has the table of the simulation", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  const plain = (text: string) => text.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");
  assertStringIncludes(plain(page), plain(scaleTable()));
});
