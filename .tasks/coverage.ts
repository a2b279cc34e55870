/**
 * Runs the tests with coverage, and fails below the targets.
 *
 * ```sh
 * deno task coverage                       # everything
 * deno task coverage net/dns tests/net/dns # what these tests cover of a folder
 * ```
 *
 * The processes that tests start are covered, too, because they inherit `DENO_COVERAGE_DIR`.
 *
 * @module
 */

import { testArguments } from "./test.ts";

/** The targets in percent. */
const TARGETS = { lines: 95, branches: 90 } as const;
/** The folders that the targets hold for. */
const FOLDERS = "net|http|ws|tools|examples";
const FOLDER = "coverage";

/** The numbers of one file, or of several. */
export interface Covered {
  readonly lines: readonly [hit: number, all: number];
  readonly branches: readonly [hit: number, all: number];
}

/** Returns the numbers of each file in a report of lcov, by path from the root. */
export function readLcov(report: string, root: string): ReadonlyMap<string, Covered> {
  const files = new Map<string, Covered>();
  for (const record of report.split("end_of_record")) {
    const [, path] = /^SF:(.*)$/m.exec(record) ?? [];
    if (path === undefined) continue;
    const number = (name: string) =>
      Number(new RegExp(`^${name}:(\\d+)$`, "m").exec(record)?.[1] ?? 0);
    files.set(path.startsWith(root) ? path.slice(root.length) : path, {
      lines: [number("LH"), number("LF")],
      branches: [number("BRH"), number("BRF")],
    });
  }
  return files;
}

/** Returns the sum of the numbers of files. */
export function total(files: Iterable<Covered>): Covered {
  const sum = { lines: [0, 0], branches: [0, 0] } satisfies Record<string, [number, number]>;
  for (const file of files) {
    for (const kind of ["lines", "branches"] as const) {
      sum[kind][0]! += file[kind][0];
      sum[kind][1]! += file[kind][1];
    }
  }
  return sum as unknown as Covered;
}

/** Returns the targets that are missed. */
export function missedTargets(covered: Covered): (keyof typeof TARGETS)[] {
  return (["lines", "branches"] as const).filter((kind) => percent(covered[kind]) < TARGETS[kind]);
}

function percent([hit, all]: readonly [number, number]): number {
  return all === 0 ? 100 : hit / all * 100;
}

function row(name: string, { lines, branches }: Covered): string {
  const [a, b] = [percent(lines), percent(branches)].map((one) => one.toFixed(1).padStart(6));
  return `${a} % of lines, ${b} % of branches: ${name}`;
}

/** Runs everything and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const scopes = args.filter((arg) => new RegExp(`^(?:${FOLDERS})(?:/|$)`).test(arg));
  const tests = args.filter((arg) => !scopes.includes(arg));
  await Deno.remove(FOLDER, { recursive: true }).catch(() => {});
  const raw = `${Deno.cwd()}/${FOLDER}/raw`;
  const run = [...testArguments(tests), "--coverage-raw-data-only"].filter((arg) =>
    arg !== "--doc"
  );
  const env = { DENO_COVERAGE_DIR: raw };
  const { code } = await new Deno.Command(Deno.execPath(), { args: run, env }).spawn().status;
  const include = `--include=/(?:${scopes.length === 0 ? FOLDERS : scopes.join("|")})/`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["coverage", "-q", "--lcov", include, "--exclude=/(?:tests|links|node_modules)/", raw],
  }).output();
  const report = new TextDecoder().decode(stdout);
  await Deno.writeTextFile(`${FOLDER}/lcov.info`, report);
  const files = readLcov(report, `${Deno.cwd()}/`);
  const poor = [...files].filter(([, one]) => missedTargets(one).length > 0)
    .toSorted(([, a], [, b]) => percent(a.lines) - percent(b.lines));
  for (const [name, one] of poor) console.log(row(name, one));
  const all = total(files.values());
  console.log(row(`all of ${files.size} files`, all));
  const missed = missedTargets(all);
  for (const kind of missed) console.error(`Below the target of ${TARGETS[kind]} % of ${kind}`);
  return code !== 0 ? code : missed.length > 0 || files.size === 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
