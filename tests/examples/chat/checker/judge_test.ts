import { assertEquals } from "@std/assert";
import { judge, type Rule } from "./judge.ts";
import type { Observation, Run, StoredLine, Witness } from "./observations.ts";

const ROOM = "#lobby";
const SECRET = "@Ann+Bob";

const sent = (key: string, place = ROOM): Observation => ({ type: "sent", key, place });
const confirmed = (key: string, seq: number): Observation => ({ type: "confirmed", key, seq });
const entered = (place = ROOM): Observation => ({ type: "entered", place });
const reset = (place = ROOM, from = 0): Observation => ({ type: "reset", place, from });
const shown = (key: string, seq?: number, place = ROOM): Observation =>
  seq === undefined ? { type: "shown", key, place } : { type: "shown", key, place, seq };

/** The beginning of a page in a room. */
const START = [entered(), reset(), reset(SECRET)];

function stored(key: string, seq: number, place = ROOM, author = "Ann"): StoredLine {
  return { key, seq, place, author };
}

function witness(name: string, ...observations: readonly Observation[]): Witness {
  return { name, observations, complete: name === "Tim" ? [] : [ROOM] };
}

/** A good run: two lines of Ann, one private line to Bob; Tim is a terminal, Cid a third page. */
function good(): Run {
  return {
    witnesses: [
      witness(
        "Ann",
        ...START,
        sent("a1"),
        sent("p1", SECRET),
        sent("a2"),
        confirmed("a1", 1),
        shown("a1", 1),
        confirmed("p1", 2),
        shown("p1", 2, SECRET),
        confirmed("a2", 3),
        shown("a2", 3),
      ),
      witness("Bob", ...START, shown("a1", 1), shown("p1", 2, SECRET), shown("a2", 3)),
      witness("Cid", ...START, shown("a1", 1), shown("a2", 3)),
      witness("Tim", entered(), reset(), shown("a1"), shown("a2")),
    ],
    stored: [stored("a1", 1), stored("p1", 2, SECRET), stored("a2", 3)],
  };
}

/** Returns the rules that a run breaks, after a change of the witness with this name. */
function broken(run: Run): Rule[] {
  return [...new Set(judge(run).map(({ rule }) => rule))].sort();
}

/** Changes what a witness saw. */
function changed(
  run: Run,
  name: string,
  change: (observations: Observation[]) => Observation[],
): Run {
  const witnesses = run.witnesses.map((one) =>
    one.name === name ? { ...one, observations: change([...one.observations]) } : one
  );
  return { ...run, witnesses };
}

const without = (key: string) => (all: Observation[]) =>
  all.filter((one) => one.type !== "shown" || one.key !== key);
const plus = (...more: readonly Observation[]) => (all: Observation[]) => [...all, ...more];

Deno.test("judge() finds nothing in a good run", () => {
  assertEquals(judge(good()), []);
});

Deno.test("judge() finds nothing if a line that was not confirmed is stored or lost", () => {
  const run = changed(good(), "Ann", (all) => all.filter(({ type }) => type !== "confirmed"));
  assertEquals(judge(run), []);
  assertEquals(judge(changed(good(), "Ann", plus(sent("a3")))), []);
});

Deno.test("judge() sees that a confirmed line is lost", () => {
  const { witnesses } = changed(good(), "Ann", plus(sent("a3"), confirmed("a3", 4)));
  assertEquals(broken({ witnesses, stored: good().stored }), ["confirmed-lost"]);
});

Deno.test("judge() sees that a line has another number than confirmed", () => {
  const run = changed(good(), "Ann", plus(confirmed("a2", 4)));
  assertEquals(broken(run), ["confirmed-lost", "confirmed-twice"]);
});

Deno.test("judge() sees that a line or a number is stored twice", () => {
  const run = good();
  const again = [...run.stored, stored("a2", 4)];
  assertEquals(broken({ ...run, stored: again }).includes("stored-twice"), true);
  const same = changed(
    { ...run, stored: [...run.stored, stored("a3", 3)] },
    "Ann",
    plus(sent("a3")),
  );
  assertEquals(broken(same).includes("stored-twice"), true);
});

Deno.test("judge() sees that a line is shown twice", () => {
  assertEquals(broken(changed(good(), "Bob", plus(shown("a2", 3)))), ["shown-twice"]);
  assertEquals(broken(changed(good(), "Tim", plus(shown("a1")))), ["shown-twice"]);
});

Deno.test("judge() sees that a page lacks a line, and asks no terminal for all of them", () => {
  assertEquals(broken(changed(good(), "Bob", without("a1"))), ["missing"]);
  assertEquals(broken(changed(good(), "Bob", without("a2"))), ["missing"]);
  assertEquals(broken(changed(good(), "Tim", without("a1"))), []);
});

Deno.test("judge() sees a private line that the recipient lacks", () => {
  const run = good();
  const witnesses = run.witnesses.map((one) =>
    one.name === "Bob" ? { ...one, complete: [ROOM, SECRET] } : one
  );
  assertEquals(broken({ ...run, witnesses }), []);
  assertEquals(broken(changed({ ...run, witnesses }, "Bob", without("p1"))), ["missing"]);
});

Deno.test("judge() sees lines in another order, also on a terminal", () => {
  const swap = (all: Observation[]) => [...all.slice(0, -2), all.at(-1)!, all.at(-2)!];
  assertEquals(broken(changed(good(), "Cid", swap)), ["order"]);
  assertEquals(broken(changed(good(), "Tim", swap)), ["order"]);
});

Deno.test("judge() sees another number than in the store", () => {
  const run = changed(good(), "Cid", (all) => [...all.slice(0, -1), shown("a2", 4)]);
  assertEquals(broken(run), ["order"]);
});

Deno.test("judge() sees that lines of one author change places", () => {
  const run = good();
  const swapped = [stored("a1", 3), stored("p1", 2, SECRET), stored("a2", 1)];
  assertEquals(broken({ ...run, stored: swapped }).includes("author-order"), true);
  const delayed = new Set(["a1"]);
  assertEquals(broken({ ...run, stored: swapped, delayed }).includes("author-order"), false);
});

Deno.test("judge() sees a private line that reaches a third user or a room", () => {
  assertEquals(broken(changed(good(), "Cid", plus(shown("p1", 2, SECRET)))), ["leak"]);
  assertEquals(broken(changed(good(), "Tim", plus(shown("p1")))), ["leak", "order"]);
  const run = changed(
    good(),
    "Bob",
    (all) => all.map((one) => one.type === "shown" && one.key === "p1" ? shown("p1", 2) : one),
  );
  assertEquals(broken(run), ["wrong-place"]);
});

Deno.test("judge() sees a line in another room, and in a room that the client has left", () => {
  const other = changed(good(), "Cid", (all) => [
    ...all.slice(0, -1),
    entered("#tea"),
    shown("a2", 3, "#tea"),
  ]);
  assertEquals(broken(other), ["missing", "wrong-place"]);
  const moved = { ...good(), stored: good().stored.map((one) => ({ ...one, place: "#tea" })) };
  assertEquals(broken(moved).includes("wrong-place"), true);
  const gone = changed(good(), "Cid", (all) => {
    const left: Observation = { type: "left", place: ROOM };
    return [...all.slice(0, -1), left, all.at(-1)!];
  });
  assertEquals(broken(gone), ["not-a-member"]);
});

Deno.test("judge() sees a refused line that appears", () => {
  const refused: Observation = { type: "refused", key: "a3", code: "not-stored" };
  const run = changed(good(), "Ann", plus(sent("a3"), refused));
  assertEquals(broken(run), []);
  assertEquals(broken(changed(run, "Tim", plus(shown("a3")))), ["refused-appears"]);
  assertEquals(broken(changed(run, "Ann", plus(confirmed("a3", 4)))), [
    "confirmed-lost",
    "refused-appears",
  ]);
  const kept = { ...run, stored: [...run.stored, stored("a3", 4)] };
  assertEquals(broken(kept), ["missing", "refused-appears"]);
});

Deno.test("judge() sees a line that nobody sent, or that is not stored", () => {
  assertEquals(broken(changed(good(), "Cid", plus(shown("x9", 9)))), ["invented"]);
  const lost = changed(good(), "Ann", plus(sent("a3")));
  assertEquals(broken(changed(lost, "Cid", plus(shown("a3", 4)))), ["invented"]);
  assertEquals(broken({ ...good(), stored: [...good().stored, stored("x9", 9)] }), [
    "invented",
    "missing",
  ]);
});

Deno.test("judge() asks for nothing before the first line of a new beginning", () => {
  const late = changed(good(), "Cid", () => [entered(), reset(ROOM, 3), shown("a2", 3)]);
  assertEquals(broken(late), []);
  const never = changed(good(), "Cid", () => [entered()]);
  assertEquals(broken(never), ["missing"]);
});

Deno.test("judge() accepts that a client begins anew after many lines", () => {
  const run = good();
  const [ann, ...others] = run.witnesses;
  const keys = Array.from({ length: 150 }, (_, i) => `m${i}`);
  const anew: Observation = { type: "reset", place: ROOM, from: 140, upTo: 153 };
  const views = keys.map((key, i) => shown(key, i + 4));
  const observations = [...ann!.observations, ...keys.map((key) => sent(key)), ...views];
  const cid = witness("Cid", ...START, shown("a1", 1), anew, ...views.slice(136));
  const witnesses = [{ ...ann!, observations }, cid, others.at(-1)!];
  const lines = keys.map((key, i) => stored(key, i + 4));
  assertEquals(broken({ witnesses, stored: [...run.stored, ...lines] }), []);
});

Deno.test("judge() sees that a client begins anew although little is missing", () => {
  const again = changed(good(), "Cid", () => [
    ...START,
    reset(ROOM, 3),
    shown("a2", 3),
  ]);
  assertEquals(broken(again), ["needless-reset"]);
  const nothing = changed(good(), "Cid", (all) => [...all, reset(ROOM, 4)]);
  assertEquals(broken(nothing), []);
});

Deno.test("judge() compares a history that was read with the store", () => {
  const read = (...lines: readonly [number, string][]): Observation => ({
    type: "read",
    place: ROOM,
    lines: lines.map(([seq, key]) => ({ seq, key })),
  });
  assertEquals(broken(changed(good(), "Cid", plus(read([1, "a1"], [3, "a2"])))), []);
  for (
    const lines of [[[1, "a1"]], [[1, "a1"], [2, "a2"]], [[1, "a1"], [3, "a2"], [3, "a2"]], []]
  ) {
    const run = changed(good(), "Cid", plus(read(...lines as [number, string][])));
    assertEquals(broken(run), ["history"]);
  }
});

Deno.test("judge() sees that a stranger gets the name of a user", () => {
  const run = good();
  const stranger = { ...witness("Tim"), isImpostor: true } as const;
  assertEquals(broken({ ...run, witnesses: [...run.witnesses, stranger] }), ["name-stolen"]);
});
