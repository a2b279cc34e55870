/** Programs that do a job once and are timed. @module */

import { type Bench, type Contender, type Measurement, present, type Series } from "./_bench.ts";
import { ROOT } from "./_process.ts";

/** One program. */
export interface Program extends Contender {
  /**
   * What its output says of its work: how much a second.
   *
   * @throws {Error} If it has not done it.
   */
  readonly read: (output: string, seconds: number) => number;
}

/** Runs every program in every round, in an order that turns. */
export async function runPrograms(
  bench: Bench,
  title: string,
  all: readonly Program[],
): Promise<Series[]> {
  const programs = present(bench, all);
  const series = programs.map(({ name }) => ({ name, rounds: new Array<Measurement>() }));
  for (let round = 0; round < bench.settings.rounds; round++) {
    for (let i = 0; i < programs.length; i++) {
      bench.signal.throwIfAborted();
      const at = (round + i) % programs.length;
      const { name, command: [program = "", ...args], read } = programs[at]!;
      bench.progress(`${title}: round ${round + 1} of ${bench.settings.rounds}, ${name}`);
      const started = performance.now();
      const { stdout } = await new Deno.Command(program, { args, cwd: ROOT, stderr: "inherit" })
        .output();
      const seconds = (performance.now() - started) / 1000;
      const value = read(new TextDecoder().decode(stdout), seconds);
      if (!(value > 0)) throw new Error(`${name} has not done its work`);
      series[at]!.rounds.push({ value });
    }
  }
  return series;
}

/** Reads what a program prints that times itself: how much, and in how many seconds. */
export function timedBy(amount: number): Program["read"] {
  return (output) => {
    const { count, seconds } = JSON.parse(output) as { count: number; seconds: number };
    if (count !== amount) throw new Error(`${count} of ${amount} were done`);
    return count / seconds;
  };
}
