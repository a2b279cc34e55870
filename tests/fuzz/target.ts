/**
 * A target of the fuzzer, and the properties that hold for all of its inputs.
 *
 * 1. A target throws its documented errors only.
 * 2. A stream gives the same result for every split of its input.
 * 3. A value that was decoded is the same after it was encoded and decoded again.
 * 4. The time and the memory follow the size of the input.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { Alphabet, ErrorClass } from "../_support/cost.ts";
import { processorTime } from "../_support/processor_time.ts";

/** A function that reads data of a peer. */
export interface FuzzTarget {
  /** The name, as `--only` and the regression cases have it. */
  readonly name: string;
  /** What the input may hold; "bytes" and "field" have one byte a character. */
  readonly alphabet: Alphabet;
  /** Maximum number of characters of an input. */
  readonly limit: number;
  /** Valid inputs, from which the mutations start. */
  readonly seeds: readonly string[];
  /** The words of the grammar. */
  readonly words?: readonly string[];
  /** The documented errors. @default none */
  readonly throws?: readonly ErrorClass[];
  /** Whether the result must be the same for every split. @default false */
  readonly stream?: boolean;
  /** Whether an input opens connections, so that its time is not that of this thread. @default false */
  readonly connects?: boolean;
  /** Reads an input that comes in pieces; only a stream gets more than one. */
  readonly read: (pieces: readonly string[]) => unknown;
  /** Encodes what was read; undefined if it cannot be encoded. */
  readonly encode?: (value: never) => string | undefined;
}

/** An input that breaks a property. */
export interface Failure {
  readonly target: string;
  readonly input: string;
  /** Where the input is cut into pieces. */
  readonly cuts: readonly number[];
  /** The property and what was seen. */
  readonly problem: string;
}

/** The result of an input: a value, or a documented error as text. */
type Outcome = { readonly value: unknown } | { readonly error: string };

/** Maximum time of one input that does not depend on its size, in milliseconds. */
const BASE_TIME = 100;
/** Maximum time per character, in milliseconds. */
const TIME_PER_CHARACTER = 0.02;
/** Maximum time of an input that opens connections, in milliseconds. It shows what never ends. */
const PATIENCE = 30_000;
/** Maximum memory of one input that does not depend on its size, in bytes. */
const BASE_MEMORY = 64 * 1024 * 1024;
/** Maximum memory per character, in bytes. */
const MEMORY_PER_CHARACTER = 2000;
/** How often an input is repeated before it counts as too dear: garbage and other programs disturb. */
const REPEATS = 4;

/** Returns the pieces of an input. */
export function cutAt(input: string, cuts: readonly number[]): string[] {
  const ends = [...cuts.filter((cut) => cut <= input.length).toSorted((a, b) => a - b)];
  return [...ends, input.length].map((end, i) => input.slice(ends[i - 1] ?? 0, end));
}

/** A thing that an input may not do. */
class Broken extends Error {}

/**
 * Checks all properties for one input.
 *
 * @param target The function.
 * @param input The input.
 * @param cuts Where a stream is cut.
 * @param measured Whether the time and the memory are checked.
 * @returns A word for the kind of the result, or what is wrong.
 */
export async function check(
  target: FuzzTarget,
  input: string,
  cuts: readonly number[],
  measured: boolean,
): Promise<{ readonly kind: string } | { readonly problem: string }> {
  try {
    const whole = await outcomeOf(target, [input]);
    if (target.stream === true) {
      await compareSplits(target, whole, cutAt(input, cuts));
      if (input.length <= 400) await compareSplits(target, whole, input === "" ? [""] : [...input]);
    }
    if ("value" in whole) await checkEncoded(target, whole.value);
    if (measured && target.connects !== true) await checkCost(target, input);
    return { kind: kindOf(whole) };
  } catch (error) {
    if (error instanceof Broken) return { problem: error.message };
    throw error;
  }
}

async function outcomeOf(target: FuzzTarget, pieces: readonly string[]): Promise<Outcome> {
  const { throws = [] } = target;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    let value = target.read(pieces);
    if (value instanceof Promise) {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Broken("It does not end")), PATIENCE);
      });
      value = await Promise.race([value, late]);
    }
    return { value };
  } catch (error) {
    if (error instanceof Broken) throw error;
    if (!(error instanceof Error) || !throws.some((one) => error instanceof one)) {
      throw new Broken(`An undocumented error: ${placeOf(error)}`);
    }
    return { error: `${error.name}: ${error.message}` };
  } finally {
    clearTimeout(timer);
  }
}

async function compareSplits(
  target: FuzzTarget,
  whole: Outcome,
  pieces: readonly string[],
): Promise<void> {
  const split = await outcomeOf(target, pieces);
  if (!isDeepStrictEqual(split, whole)) {
    throw new Broken(`Another result in pieces: ${textOf(split)} instead of ${textOf(whole)}`);
  }
}

async function checkEncoded(target: FuzzTarget, value: unknown): Promise<void> {
  const encoded = target.encode?.(value as never);
  if (encoded === undefined) return;
  const again = await outcomeOf(target, [encoded]);
  if (!isDeepStrictEqual(again, { value })) {
    throw new Broken(
      `Another value after encoding: ${textOf(again)} instead of ${textOf({ value })}`,
    );
  }
}

async function checkCost(target: FuzzTarget, input: string): Promise<void> {
  const mostTime = BASE_TIME + input.length * TIME_PER_CHARACTER;
  const mostMemory = BASE_MEMORY + input.length * MEMORY_PER_CHARACTER;
  let [time, memory] = [Infinity, Infinity];
  for (let i = 0; i < REPEATS; i++) {
    const [start, before] = [processorTime(), Deno.memoryUsage()];
    await outcomeOf(target, [input]);
    const after = Deno.memoryUsage();
    time = Math.min(time, processorTime() - start);
    memory = Math.min(memory, after.heapUsed + after.external - before.heapUsed - before.external);
    if (time <= mostTime && memory <= mostMemory) return;
  }
  throw new Broken(`${time.toFixed()} ms and ${memory} bytes for ${input.length} characters`);
}

/** Returns an error with the place where it was thrown. */
function placeOf(error: unknown): string {
  const [, place = ""] = /\n +(at .*)/.exec(error instanceof Error ? error.stack ?? "" : "") ?? [];
  return `${error} ${place}`;
}

/** Returns a word that is the same for results of one kind. */
function kindOf(outcome: Outcome): string {
  if ("error" in outcome) return outcome.error.replaceAll(/"[^"]*"|[\d.]+/g, "#").slice(0, 120);
  return shapeOf(outcome.value, 3);
}

function shapeOf(value: unknown, depth: number): string {
  if (typeof value === "string") return value === "" ? "''" : "text";
  if (typeof value !== "object" || value === null) return `${value}`.slice(0, 10);
  if (ArrayBuffer.isView(value)) return "bytes";
  if (depth === 0) return value.constructor?.name ?? "object";
  if (Array.isArray(value)) {
    return `[${value.slice(0, 4).map((one) => shapeOf(one, depth - 1))}]`;
  }
  return `{${Object.entries(value).map(([name, one]) => `${name}:${shapeOf(one, depth - 1)}`)}}`;
}

function textOf(value: unknown): string {
  return Deno.inspect(value, { depth: 6, strAbbreviateSize: 500, iterableLimit: 50 });
}
