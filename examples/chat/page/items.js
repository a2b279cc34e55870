// The items of a conversation: messages, notices, days. This module orders and groups them; it draws
// nothing.

/** Items by number. A private message can be in two conversations. */
const numbered = new Map();

export function itemsOf(seq) {
  return [...numbered.get(seq) ?? []];
}
export function register(item) {
  if (item.seq === undefined) return;
  if (!numbered.has(item.seq)) numbered.set(item.seq, new Set());
  numbered.get(item.seq).add(item);
}
export function unregister(item) {
  const all = numbered.get(item.seq);
  all?.delete(item);
  if (all?.size === 0) numbered.delete(item.seq);
}

const day = (at) => new Date(at).toDateString();
const sameDay = (a, b) => a !== undefined && b !== undefined && day(a) === day(b);

/** Whether a message continues the group of the message above it. */
function goesOn(item, before) {
  return item.kind === "message" && before?.kind === "message" && before.from === item.from &&
    before.to === item.to && before.direct === item.direct && !before.action && !item.action &&
    !item.reply && item.at - before.at < 300_000;
}

/** Sets the position of an item in its group. The name is repeated every 15 lines, for long groups. */
function place(item, before) {
  item.run = goesOn(item, before) ? ((before.run ?? 0) + 1) % 15 : 0;
}

/** Joins and leaves in a row become one item. `j` is a join, `l` is a leave. */
function fold(into, { names }) {
  for (const [name, steps] of names) {
    const all = (into.names.get(name) ?? "") + steps;
    into.names.set(name, all.length > 2 ? all.slice(-1) : all);
  }
}

/** Adds items at the end. Returns the added ones with days, and the last old one if it has changed. */
export function addItems(items, fresh) {
  const start = items.length;
  let changed;
  let last = items.findLast((item) => item.at);
  for (const item of fresh) {
    const tail = items.at(-1);
    if (item.kind === "presence" && tail?.kind === "presence" && sameDay(tail.at, item.at)) {
      fold(tail, item);
      tail.at = item.at;
      if (items.length === start) changed = tail;
      continue;
    }
    if (item.at && !sameDay(last?.at, item.at)) items.push({ kind: "day", at: item.at });
    if (item.at) last = item;
    place(item, items.at(-1));
    items.push(item);
    register(item);
  }
  return { added: items.length - start, changed };
}

/** Adds older items at the beginning. Returns their number with days, and the first old one if changed. */
export function addOlder(items, older) {
  const before = [];
  addItems(before, older);
  const [first] = items;
  const last = before.at(-1);
  let removed = 0;
  if (first?.kind === "day" && sameDay(last?.at, first.at)) {
    items.shift();
    removed = 1;
  }
  const [next] = items;
  if (next?.kind === "message") place(next, last);
  items.unshift(...before);
  return { added: before.length, removed, changed: next };
}

/** Removes an item. Returns the next one if it begins a group now. */
export function removeItem(items, at) {
  const [item] = items.splice(at, 1);
  unregister(item);
  const next = items[at];
  if (!(next?.run > 0) || goesOn(next, items[at - 1])) return undefined;
  next.run = 0;
  return next;
}

/** Removes the oldest items. Returns how many. */
export function dropOldest(items, keep) {
  const dropped = items.splice(0, Math.max(0, items.length - keep));
  dropped.forEach(unregister);
  return dropped.length;
}
