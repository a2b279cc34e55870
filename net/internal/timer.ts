/**
 * One shared timer for the time limits of connections, requests and proxies.
 *
 * A timer per read costs 15 to 26 % of the speed of an echo server. Here, a connection is registered
 * once for its lifetime. Its field `due` says when it needs attention.
 */

import { MAX_TIMER } from "./options.ts";

/** Something that needs attention at a certain time. */
export interface Watched {
  /** Time to call `sweep`, on the clock of `performance.now()`; Infinity for never. */
  due: number;
  /** Whether a caller waits for it. The timer then keeps the process alive. */
  readonly waiting: boolean;
  /** The place among the watched items. Only the timer sets it. It begins with {@linkcode UNWATCHED}. */
  place: number;
  /**
   * Acts on what has expired, and sets the next `due`. It can be called up to 5 ms early. It must not
   * throw.
   */
  sweep(now: number): void;
}

/** The place of an item that is not watched. */
export const UNWATCHED = -1;

/** The shortest time between two wake-ups, in milliseconds. */
const QUANTUM = 5;

/** Lateness of a timer, in milliseconds, that means that the event loop was blocked. */
const BLOCKED = 20;

/** Time in milliseconds until the timer looks whether it still has to keep the process alive. */
const RECHECK = 50;

/**
 * The watched items as a binary heap: an item is due before its two children. Without this order, each
 * wake-up would visit the thousands of items that are not due.
 */
const items: Watched[] = [];
/** The time of each item in this order. Its `due` may have become later since. */
const times: number[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;
let wakeAt = Infinity;
/** Whether the timer was late and waits for one more turn of the event loop. */
let postponed = false;
/** Whether the timer keeps the process alive. */
let holding = false;
/** Whether the timer wakes soon to look whether it has to do so. */
let rechecking = false;
/** The number of calls of `holdWhile` that are under way. */
let holders = 0;

// The first timer of a process loads code of Deno and runs all microtasks meanwhile. That must not happen
// within the functions below, or in the middle of a read.
clearTimeout(setTimeout(() => {}));

/** Registers `item`. Call {@linkcode touch} whenever its `due` moves closer. */
export function watch(item: Watched): void {
  if (item.place === UNWATCHED) rise(item, item.due, items.length);
  touch(item);
}

/** Removes `item`. Without items there is no timer. */
export function unwatch(item: Watched): void {
  const { place } = item;
  if (place === UNWATCHED) return;
  item.place = UNWATCHED;
  const last = items.pop()!;
  const time = times.pop()!;
  if (last !== item) move(last, time, place);
  if (items.length === 0) clear();
  else recheck();
}

/** Makes sure that the timer wakes in time for `item.due`. */
export function touch(item: Watched): void {
  const { due, place } = item;
  if (place !== UNWATCHED && due < times[place]!) rise(item, due, place);
  if (due < wakeAt) schedule(due, holding || item.waiting);
  else if (!holding && timer !== undefined && item.waiting) hold(timer, true);
}

/** Waits for work that does not keep the process alive. The timer keeps it alive until then. */
export async function holdWhile<T>(work: Promise<T>): Promise<T> {
  if (holders++ === 0 && timer !== undefined) hold(timer, true);
  try {
    return await work;
  } finally {
    if (--holders === 0 && timer !== undefined) hold(timer, isAwaited());
  }
}

/** Calls `visit` with every registered item. */
export function forEachWatched(visit: (item: Watched) => void): void {
  for (const item of [...items]) {
    // An earlier call may have removed it.
    if (item.place !== UNWATCHED) visit(item);
  }
}

/**
 * One time limit. It replaces a `setTimeout` of each connection, request or other item of which there
 * may be many. It is up to 5 ms late, and never early.
 */
export class Alarm implements Watched {
  due = Infinity;
  place: number = UNWATCHED;
  readonly waiting: boolean;
  readonly #ring: () => void;

  /** Takes a function, and whether the running alarm keeps the process alive. */
  constructor(ring: () => void, waiting = true) {
    this.#ring = ring;
    this.waiting = waiting;
  }

  /** Whether the alarm runs. */
  get running(): boolean {
    return this.place !== UNWATCHED;
  }

  /** Starts the alarm again. It calls the function once, after `ms` milliseconds; Infinity for never. */
  start(ms: number): void {
    if (ms === Infinity) return this.stop();
    this.due = performance.now() + ms;
    watch(this);
  }

  /** Stops the alarm. The function is not called. */
  stop(): void {
    this.due = Infinity;
    unwatch(this);
  }

  sweep(now: number): void {
    if (now < this.due) return;
    this.stop();
    this.#ring();
  }
}

/** Places `item` at `place` or at that of a parent which is due later. */
function rise(item: Watched, time: number, place: number): void {
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (times[parent]! <= time) break;
    put(items[parent]!, times[parent]!, place);
    place = parent;
  }
  put(item, time, place);
}

/** Places `item` at `place` or where its time belongs, above or below. */
function move(item: Watched, time: number, place: number): void {
  for (;;) {
    let child = 2 * place + 1;
    if (child + 1 < items.length && times[child + 1]! < times[child]!) child++;
    if (child >= items.length || times[child]! >= time) break;
    put(items[child]!, times[child]!, place);
    place = child;
  }
  rise(item, time, place);
}

function put(item: Watched, time: number, place: number): void {
  items[place] = item;
  times[place] = time;
  item.place = place;
}

/** Returns the items whose times are up to `limit`. */
function itemsUntil(limit: number): Watched[] {
  const ready: Watched[] = [];
  const places = [0];
  for (let place; (place = places.pop()) !== undefined;) {
    if (place >= items.length || times[place]! > limit) continue;
    ready.push(items[place]!);
    places.push(2 * place + 1, 2 * place + 2);
  }
  return ready;
}

function isAwaited(): boolean {
  return items.some(({ waiting }) => waiting);
}

function hold(id: ReturnType<typeof setTimeout>, wanted: boolean): void {
  holding = wanted;
  if (wanted) Deno.refTimer(id);
  else Deno.unrefTimer(id);
}

/** Lets the process end soon if the item that has left was the last one that kept it alive. */
function recheck(): void {
  if (!holding || rechecking || holders > 0) return;
  rechecking = true;
  const soon = performance.now() + RECHECK;
  if (soon < wakeAt) schedule(soon, true);
}

function clear(): void {
  clearTimeout(timer);
  timer = undefined;
  wakeAt = Infinity;
  postponed = rechecking = holding = false;
}

function schedule(due: number, wanted: boolean): void {
  if (timer !== undefined) clearTimeout(timer);
  wakeAt = due;
  timer = setTimeout(wake, Math.max(QUANTUM, Math.min(due - performance.now(), MAX_TIMER)));
  holding = wanted || holders > 0;
  if (!holding) Deno.unrefTimer(timer);
}

function wake(): void {
  const now = performance.now();
  // The event loop was blocked, so input that has arrived meanwhile is not handled yet. The next
  // turn handles it first, and a peer that was in time is not too late.
  if (!postponed && now - wakeAt > BLOCKED) {
    postponed = true;
    timer = setTimeout(wake, 0);
    if (!holding) Deno.unrefTimer(timer);
    return;
  }
  clear();
  // What the sweeps change is scheduled after the last one.
  wakeAt = -Infinity;
  try {
    sweepAll(now);
  } finally {
    clear();
    if (times.length > 0 && times[0] !== Infinity) schedule(times[0]!, isAwaited());
  }
}

function sweepAll(now: number): void {
  // Items that are due within the quantum share this wake-up. Otherwise a thousand connections that
  // were opened together would need a thousand wake-ups.
  const limit = now + QUANTUM;
  for (const item of itemsUntil(limit)) {
    // An earlier sweep may have removed the item, or it has become due later.
    if (item.place !== UNWATCHED && item.due <= limit) item.sweep(now);
    if (item.place !== UNWATCHED) move(item, item.due, item.place);
  }
}
