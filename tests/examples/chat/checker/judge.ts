/**
 * Judges a run of the chat: every confirmed line is stored once and shown once, in one order per place,
 * to every client that stayed or returned; no line appears in another place; no private line reaches
 * anyone else; nothing that was refused appears. Pure.
 *
 * @module
 */

import {
  type Line,
  type Observation,
  participants,
  type Place,
  type Run,
  type StoredLine,
  type Witness,
} from "./observations.ts";

/** The promise that was broken. */
export type Rule =
  /** A key or a number is in the store twice. */
  | "stored-twice"
  /** A confirmed line is not in the store, or not as it was confirmed. */
  | "confirmed-lost"
  /** A line is confirmed under two numbers. */
  | "confirmed-twice"
  /** A line that was refused is stored, shown or confirmed. */
  | "refused-appears"
  /** A line appears that nobody has sent, or that is not in the store. */
  | "invented"
  /** A line is in another place than its author meant. */
  | "wrong-place"
  /** A client shows a line of a room that it is not in. */
  | "not-a-member"
  /** A private line reaches a third user. */
  | "leak"
  /** A client shows a line twice. */
  | "shown-twice"
  /** A client shows lines in another order, or under another number, than the store. */
  | "order"
  /** The lines of one author in one place are not in the order in which they were sent. */
  | "author-order"
  /** A client that stayed or returned does not show a line. */
  | "missing"
  /** A client had to begin anew although little was missing. */
  | "needless-reset"
  /** A stranger got the name of a user within the grace period. */
  | "name-stolen"
  /** The history that a client has read differs from the store. */
  | "history";

/** A broken promise. */
export interface Violation {
  readonly rule: Rule;
  /** What happened, to whom, with which line. */
  readonly text: string;
}

/** What was meant with a line. */
interface Meant {
  readonly author: string;
  readonly place: Place;
  /** The position among the lines of the author. */
  readonly index: number;
}

/** The number of missed lines up to which a returning client must not begin anew. */
const MAX_GAP = 100;

/** The facts of a run by key and place. */
interface Facts {
  readonly delayed: ReadonlySet<string>;
  readonly meant: ReadonlyMap<string, Meant>;
  readonly refused: ReadonlySet<string>;
  readonly stored: ReadonlyMap<string, StoredLine>;
  /** The stored lines of each place in their order. */
  readonly places: ReadonlyMap<Place, readonly StoredLine[]>;
  report(rule: Rule, text: string): void;
}

/**
 * Judges a run.
 *
 * @param run The observations of all clients, and the store at the end.
 * @returns The broken promises; empty if the chat kept all of them.
 */
export function judge(run: Run): Violation[] {
  const violations: Violation[] = [];
  const facts = gather(run, (rule, text) => void violations.push({ rule, text }));
  judgeStore(run.stored, facts);
  for (const witness of run.witnesses) {
    if (witness.isImpostor) facts.report("name-stolen", `the chat admits ${witness.name}`);
    judgeConfirmations(witness, facts);
    judgeView(witness, facts);
  }
  return violations;
}

function gather({ witnesses, stored, delayed = new Set() }: Run, report: Facts["report"]): Facts {
  const meant = new Map<string, Meant>();
  const refused = new Set<string>();
  for (const { name, observations } of witnesses) {
    let index = 0;
    for (const one of observations) {
      if (one.type === "sent") {
        meant.set(one.key, { author: name, place: one.place, index: index++ });
      } else if (one.type === "refused") refused.add(one.key);
    }
  }
  const places = new Map<Place, StoredLine[]>();
  for (const line of [...stored].sort((a, b) => a.seq - b.seq)) {
    const lines = places.get(line.place) ?? [];
    lines.push(line);
    places.set(line.place, lines);
  }
  return {
    delayed,
    meant,
    refused,
    stored: new Map(stored.map((line) => [line.key, line])),
    places,
    report,
  };
}

function judgeStore(stored: readonly StoredLine[], facts: Facts): void {
  const keys = new Set<string>();
  const numbers = new Set<number>();
  for (const { key, seq, place, author } of stored) {
    if (keys.has(key)) facts.report("stored-twice", `${key} is in the store twice`);
    if (numbers.has(seq)) facts.report("stored-twice", `number ${seq} is in the store twice`);
    keys.add(key);
    numbers.add(seq);
    const meant = facts.meant.get(key);
    if (meant === undefined) facts.report("invented", `nobody has sent ${key}, which is stored`);
    else if (meant.place !== place || meant.author !== author) {
      const was = `${meant.author} has sent ${key} to ${meant.place}`;
      facts.report("wrong-place", `${was}, and it is stored in ${place} as of ${author}`);
    }
    if (facts.refused.has(key)) facts.report("refused-appears", `${key} was refused and is stored`);
  }
  for (const [place, lines] of facts.places) judgeAuthors(place, lines, facts);
}

/** The lines of one author keep their order. */
function judgeAuthors(place: Place, lines: readonly StoredLine[], facts: Facts): void {
  const last = new Map<string, { key: string; index: number }>();
  for (const { key } of lines) {
    const meant = facts.meant.get(key);
    if (meant === undefined || facts.delayed.has(key)) continue;
    const before = last.get(meant.author);
    if (before !== undefined && before.index > meant.index) {
      facts.report(
        "author-order",
        `${before.key} is before ${key} in ${place}, but was sent later`,
      );
    }
    last.set(meant.author, { key, index: meant.index });
  }
}

function judgeConfirmations({ name, observations }: Witness, facts: Facts): void {
  const confirmed = new Map<string, number>();
  for (const one of observations) {
    if (one.type !== "confirmed") continue;
    const { key, seq } = one;
    const before = confirmed.get(key);
    if (before !== undefined && before !== seq) {
      facts.report("confirmed-twice", `${key} of ${name} is confirmed as ${before} and ${seq}`);
    }
    confirmed.set(key, seq);
    const line = facts.stored.get(key);
    if (line === undefined) {
      facts.report("confirmed-lost", `${key} of ${name} is confirmed as ${seq}, and not stored`);
    } else if (line.seq !== seq) {
      const text = `${key} of ${name} is confirmed as ${seq}, and stored as ${line.seq}`;
      facts.report("confirmed-lost", text);
    }
    if (facts.refused.has(key)) {
      facts.report("refused-appears", `${key} of ${name} is refused and confirmed`);
    }
  }
}

/** The view of a client on one place. */
interface View {
  /** The first number that the view must have. */
  from: number;
  /** The number of the last line. */
  last: number;
  readonly keys: Set<string>;
}

function judgeView(witness: Witness, facts: Facts): void {
  const { name, observations, complete } = witness;
  const rooms = new Set<Place>();
  const views = new Map<Place, View>();
  for (const one of observations) {
    if (one.type === "entered") rooms.add(one.place);
    else if (one.type === "left") rooms.delete(one.place);
    else if (one.type === "reset") {
      judgeReset(name, one, views.get(one.place), facts);
      views.set(one.place, { from: one.from, last: 0, keys: new Set() });
    } else if (one.type === "shown") {
      judgePlace(name, one, rooms, facts);
      judgeShown(name, one, views, facts);
    } else if (one.type === "read") judgeRead(name, one, facts);
  }
  for (const place of complete) judgeComplete(name, place, views.get(place), facts);
}

function judgeReset(
  name: string,
  { place, from, upTo = from, gap }: Extract<Observation, { type: "reset" }>,
  before: View | undefined,
  { places, report }: Facts,
): void {
  if (before === undefined || gap) return;
  const missed = (places.get(place) ?? []).filter(({ seq }) => seq > before.last && seq <= upTo);
  const lost = missed.filter(({ seq }) => seq < from).length;
  if (lost > 0 && missed.length <= MAX_GAP) {
    const text = `${name} has missed ${missed.length} lines of ${place}, and does not get ${lost}`;
    report("needless-reset", text);
  }
}

/** Lines appear only where they were meant to, and only to those who may see them. */
function judgePlace(
  name: string,
  { key, place }: Extract<Observation, { type: "shown" }>,
  rooms: ReadonlySet<Place>,
  { meant, refused, stored, report }: Facts,
): void {
  const intended = meant.get(key);
  if (intended === undefined) {
    return report("invented", `${name} sees ${key}, which nobody has sent`);
  }
  if (refused.has(key)) report("refused-appears", `${name} sees ${key}, which was refused`);
  else if (!stored.has(key)) report("invented", `${name} sees ${key}, which is not stored`);
  const users = participants(intended.place);
  if (users !== undefined && !users.includes(name)) {
    report("leak", `${name} sees ${key}, which is private in ${intended.place}`);
  } else if (intended.place !== place) {
    report("wrong-place", `${name} sees ${key} of ${intended.place} in ${place}`);
  } else if (users === undefined && !rooms.has(place)) {
    report("not-a-member", `${name} sees ${key} of ${place}, and is not there`);
  }
}

function judgeShown(
  name: string,
  { key, place, seq }: Extract<Observation, { type: "shown" }>,
  views: Map<Place, View>,
  { stored, report }: Facts,
): void {
  const view = views.get(place) ?? { from: Infinity, last: 0, keys: new Set() };
  views.set(place, view);
  if (view.keys.has(key)) return report("shown-twice", `${name} sees ${key} in ${place} twice`);
  view.keys.add(key);
  const line = stored.get(key);
  if (line === undefined) return;
  if (seq !== undefined && seq !== line.seq) {
    report("order", `${name} sees ${key} as ${seq}, and it is stored as ${line.seq}`);
  }
  if (line.seq < view.last) {
    report("order", `${name} sees ${key} (${line.seq}) in ${place} after ${view.last}`);
  }
  view.last = Math.max(view.last, line.seq);
}

function judgeRead(
  name: string,
  { place, lines }: Extract<Observation, { type: "read" }>,
  { places, report }: Facts,
): void {
  const text = (all: readonly Line[]) => all.map(({ seq, key }) => `${seq} ${key}`);
  const [read, kept] = [text(lines), text(places.get(place) ?? [])];
  const at = kept.findIndex((line, i) => line !== read[i]);
  if (at === -1 && read.length === kept.length) return;
  const where = at === -1 ? kept.length : at;
  const seen = `${read[where] ?? "nothing"}, and the store has ${kept[where] ?? "nothing"}`;
  report("history", `${name} reads in line ${where} of ${place}: ${seen}`);
}

/** A client that stayed or returned shows every line of the place. */
function judgeComplete(name: string, place: Place, view: View | undefined, facts: Facts): void {
  const { from, keys } = view ?? { from: 0, keys: new Set() };
  for (const { key, seq } of facts.places.get(place) ?? []) {
    if (seq >= from && !keys.has(key)) {
      facts.report("missing", `${name} does not see ${key} (${seq}) in ${place}`);
    }
  }
}
