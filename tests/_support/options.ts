/** Calls a function with each of its options set to values that hardly any option takes. @module */

import { assert, assertEquals } from "@std/assert";

/**
 * What an option takes, as far as the values of {@linkcode checkEveryOption} can tell.
 *
 * | Kind | Which of NaN, -1, 1.5, Infinity, 3e9 and "?" it takes |
 * |---|---|
 * | `time`, `number` | 1.5, Infinity, 3e9 |
 * | `count` | Infinity, 3e9 |
 * | `integer` | 3e9 |
 * | `range` | 1.5 |
 * | `text` | "?" |
 * | `none` | none of them: ports, flags, functions, objects, words of a list, ranges |
 * | `any` | all of them |
 */
export type OptionKind =
  | "time"
  | "number"
  | "count"
  | "integer"
  | "range"
  | "text"
  | "none"
  | "any";

const VALUES = [NaN, -1, 1.5, Infinity, 3e9, "?"] as const;

const TAKES: Readonly<Record<OptionKind, readonly unknown[]>> = {
  time: [1.5, Infinity, 3e9],
  number: [1.5, Infinity, 3e9],
  count: [Infinity, 3e9],
  integer: [3e9],
  range: [1.5],
  text: ["?"],
  none: [],
  any: VALUES,
};

/**
 * Sets each option to NaN, -1, 1.5, Infinity, 3e9 and a string, one at a time, and adds an option
 * that does not exist. What does not fit must be rejected with an error that begins with the name
 * of the option; what fits must not be rejected by such an error.
 *
 * @param owner The name of the function, as its messages give it.
 * @param kinds What each option takes; the compiler reports an option that is missing.
 * @param call Calls the function with the options and those that it requires. It must end what it
 * starts. A failure for another reason, such as an unreachable port, does not matter.
 */
export async function checkEveryOption<T extends object>(
  owner: string,
  kinds: Readonly<Record<keyof Required<T>, OptionKind>>,
  call: (options: Partial<T>) => unknown,
): Promise<void> {
  for (const [name, kind] of Object.entries<OptionKind>(kinds)) {
    for (const value of VALUES) {
      const error = await errorOf(call, { [name]: value } as Partial<T>);
      const what = `${owner}({ ${name}: ${Deno.inspect(value)} })`;
      const isRejected = isBad(error) && error.message.startsWith(name);
      if (TAKES[kind].includes(value)) {
        assert(!isRejected, `${what} is rejected: ${error}`);
        continue;
      }
      assert(
        isRejected && isBad(error),
        `${what} is not rejected by a message that begins with it: ${error}`,
      );
      const isNumber = typeof value === "number";
      // A number where an object belongs has the wrong type; it is not out of range.
      if (kind !== "none") assertEquals(error instanceof RangeError, isNumber, `${what}: ${error}`);
      assert(/must be .+, got /.test(error.message), `${what}: ${error}`);
    }
  }
  const unknown = await errorOf(call, { surelyUnknown: 1 } as object as Partial<T>);
  assert(unknown instanceof TypeError, `${owner} takes an unknown option: ${unknown}`);
  // A suggestion may follow: "now" is a part of the name.
  assert(unknown.message.startsWith(`${owner} has no option "surelyUnknown"`), unknown.message);
}

function isBad(error: unknown): error is Error {
  return error instanceof RangeError || error instanceof TypeError;
}

async function errorOf<T>(call: (options: T) => unknown, options: T): Promise<unknown> {
  try {
    await call(options);
  } catch (error) {
    return error;
  }
  return undefined;
}
