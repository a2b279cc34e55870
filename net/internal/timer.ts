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
  /**
   * Acts on what has expired, and sets the next `due`. It can be called up to 5 ms early. It must not
   * throw.
   */
  sweep(now: number): void;
}

/** The shortest time between two wake-ups, in milliseconds. */
const QUANTUM = 5;

/** Lateness of a timer, in milliseconds, that means that the event loop was blocked. */
export const BLOCKED = 20;

const watched = new Set<Watched>();
let timer: ReturnType<typeof setTimeout> | undefined;
let wakeAt = Infinity;
/** Whether the timer was late and waits for one more turn of the event loop. */
let postponed = false;
/** Whether the timer keeps the process alive. */
let holding = false;
/** The number of calls of `holdWhile` that are under way. */
let holders = 0;

/** Registers `item`. Call {@linkcode touch} whenever its `due` moves closer. */
export function watch(item: Watched): void {
  watched.add(item);
  touch(item);
}

/** Removes `item`. Without items there is no timer. */
export function unwatch(item: Watched): void {
  if (watched.delete(item) && watched.size === 0 && timer !== undefined) {
    clearTimeout(timer);
    timer = undefined;
    wakeAt = Infinity;
    postponed = false;
  }
}

/** Makes sure that the timer wakes in time for `item.due`. */
export function touch(item: Watched): void {
  if (item.due < wakeAt) schedule(item.due, holding || item.waiting);
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
  for (const item of watched) visit(item);
}

function isAwaited(): boolean {
  for (const item of watched) {
    if (item.waiting) return true;
  }
  return false;
}

function hold(id: ReturnType<typeof setTimeout>, wanted: boolean): void {
  holding = wanted;
  if (wanted) Deno.refTimer(id);
  else Deno.unrefTimer(id);
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
  postponed = false;
  timer = undefined;
  wakeAt = Infinity;
  let next = Infinity;
  let wanted = false;
  for (const item of watched) {
    // Items that are due within the quantum share this wake-up. Otherwise a thousand connections
    // that were opened together would need a thousand wake-ups.
    if (item.due <= now + QUANTUM) {
      item.sweep(now);
      // The sweep may have removed the item.
      if (!watched.has(item)) continue;
    }
    if (item.due < next) next = item.due;
    wanted ||= item.waiting;
  }
  if (next < wakeAt) schedule(next, wanted);
}
