import { assertEquals } from "@std/assert";
import {
  addItems,
  addOlder,
  dropOldest,
  itemsOf,
  removeItem,
} from "../../../../examples/chat/page/items.js";

interface Item {
  kind: string;
  seq?: number;
  at?: number;
  from?: string;
  run?: number;
  names?: Map<string, string>;
}

const DAY = 24 * 3600 * 1000;
const NOON = new Date(2026, 10, 30, 12).getTime();

function message(seq: number, from = "Ann", at = NOON + seq): Item {
  return { kind: "message", seq, from, at };
}
function presence(name: string, steps: string): Item {
  return { kind: "presence", at: NOON, names: new Map([[name, steps]]) };
}
const kinds = (items: Item[]) => items.map(({ kind, seq }) => seq === undefined ? kind : seq);

Deno.test("addItems() puts a day in front of the first message of each day", () => {
  const items: Item[] = [];
  addItems(items, [message(1), message(2), message(3, "Ann", NOON + DAY)]);
  assertEquals(kinds(items), ["day", 1, 2, "day", 3]);
  addItems(items, [message(4, "Ann", NOON + DAY)]);
  assertEquals(kinds(items), ["day", 1, 2, "day", 3, 4]);
});

Deno.test("addItems() groups the messages of one author", () => {
  const items: Item[] = [];
  addItems(items, [message(1), message(2), message(3, "Bob"), message(4, "Bob", NOON + 400_000)]);
  assertEquals(items.slice(1).map(({ run }) => run), [0, 1, 0, 0]);
});

Deno.test("addItems() folds joins and leaves in a row", () => {
  const items: Item[] = [];
  addItems(items, [message(1), presence("Bob", "j"), presence("Cy", "j"), presence("Bob", "l")]);
  assertEquals(kinds(items), ["day", 1, "presence"]);
  const { changed } = addItems(items, [presence("Bob", "j")]) as { changed: Item };
  assertEquals(changed, items[2]);
  assertEquals([...items[2]!.names!], [["Bob", "j"], ["Cy", "j"]]);
  addItems(items, [message(2), presence("Cy", "l")]);
  assertEquals(kinds(items), ["day", 1, "presence", 2, "presence"]);
});

Deno.test("addOlder() joins the days and the groups at the seam", () => {
  const items: Item[] = [];
  addItems(items, [message(3), message(4)]);
  addOlder(items, [message(1, "Ann", NOON - DAY), message(2, "Ann", NOON)]);
  assertEquals(kinds(items), ["day", 1, "day", 2, 3, 4]);
  assertEquals(items.slice(3).map(({ run }) => run), [0, 1, 1]);
});

Deno.test("removeItem() and dropOldest() forget the numbers", () => {
  const items: Item[] = [];
  addItems(items, [message(101), message(102), message(103)]);
  assertEquals(removeItem(items, 1), items[1]);
  assertEquals(itemsOf(101).length, 0);
  assertEquals(items[1]!.run, 0);
  assertEquals(dropOldest(items, 1), 2);
  assertEquals([itemsOf(102).length, itemsOf(103).length], [0, 1]);
});
