/**
 * One shared timer for every time limit of every connection.
 *
 * A timer per read costs 15 to 26 % of an echo; here a connection is registered
 * once for its life, and says by `due` when it wants to be looked at again.
 */

import { MAX_TIMER } from "./options.ts";

/** Something that wants to be looked at when `due` has come. */
export interface Watched {
  /** When to call `sweep`, on the clock of `performance.now()`; Infinity for never. */
  due: number;
  /** Whether somebody waits for it, which is a reason to keep the process alive. */
  readonly waiting: boolean;
  /** Acts on what has expired and moves `due` on. Must not throw. */
  sweep(now: number): void;
}

/** The finest step in milliseconds: nothing is looked at more often than that. */
const QUANTUM = 5;

const watched = new Set<Watched>();
let timer: ReturnType<typeof setTimeout> | undefined;
let wakeAt = Infinity;
/** Whether the timer keeps the process alive; without a waiting reader it does not. */
let holding = false;

/** Starts looking after `item`; call {@linkcode touch} whenever its `due` moves closer. */
export function watch(item: Watched): void {
  watched.add(item);
  touch(item);
}

/** Stops looking after `item`. The last one to go takes the timer with it. */
export function unwatch(item: Watched): void {
  if (watched.delete(item) && watched.size === 0 && timer !== undefined) {
    clearTimeout(timer);
    timer = undefined;
    wakeAt = Infinity;
  }
}

/** Makes sure that the timer wakes in time for `item.due`. */
export function touch(item: Watched): void {
  if (item.due < wakeAt) schedule(item.due, holding || item.waiting);
  else if (!holding && timer !== undefined && item.waiting) {
    holding = true;
    Deno.refTimer(timer);
  }
}

function schedule(due: number, hold: boolean): void {
  if (timer !== undefined) clearTimeout(timer);
  wakeAt = due;
  timer = setTimeout(wake, Math.max(QUANTUM, Math.min(due - performance.now(), MAX_TIMER)));
  holding = hold;
  if (!hold) Deno.unrefTimer(timer);
}

function wake(): void {
  timer = undefined;
  wakeAt = Infinity;
  const now = performance.now();
  let next = Infinity;
  let hold = false;
  for (const item of watched) {
    // What is due within the quantum is taken along, so that a thousand
    // connections opened together cost one wake-up and not a thousand.
    if (item.due <= now + QUANTUM) {
      item.sweep(now);
      // That may have been the end of it.
      if (!watched.has(item)) continue;
    }
    if (item.due < next) next = item.due;
    hold ||= item.waiting;
  }
  if (next < wakeAt) schedule(next, hold);
}
