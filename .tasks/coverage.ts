/**
 * Runs the tests with coverage, and fails if a folder is below the targets.
 *
 * ```sh
 * deno task coverage                       # everything
 * deno task coverage net/dns tests/net/dns # what these tests cover of a folder
 * deno task coverage --add tests/net/ftp   # adds these tests to the data of the last run
 * deno task coverage --report              # prints the report of the last run again
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
const FOLDERS = ["net", "http", "ws", "tools", "examples"] as const;
const DATA = "coverage";
/** Number of files that the report names. */
const WORST_FILES = 40;

type Kind = keyof typeof TARGETS;
const KINDS = ["lines", "branches"] as const satisfies readonly Kind[];

/** The numbers of one file, or of several. */
export interface Covered {
  readonly lines: readonly [hit: number, all: number];
  readonly branches: readonly [hit: number, all: number];
}

/** The numbers of one file, and what no test reaches. */
export interface CoveredFile extends Covered {
  /** The first and the last line of each range of lines. */
  readonly missedLines: readonly (readonly [first: number, last: number])[];
  /** The lines of the branches, without the lines in `missedLines`. */
  readonly missedBranches: readonly number[];
}

/** Returns the numbers of each file in a report of lcov, by path from the root. */
export function readLcov(report: string, root: string): ReadonlyMap<string, CoveredFile> {
  const files = new Map<string, CoveredFile>();
  for (const record of report.split("end_of_record")) {
    const [, path] = /^SF:(.*)$/m.exec(record) ?? [];
    if (path !== undefined) files.set(path.replace(root, ""), readRecord(record));
  }
  return files;
}

function readRecord(record: string): CoveredFile {
  const number = (name: string) =>
    Number(new RegExp(`^${name}:(\\d+)$`, "m").exec(record)?.[1] ?? 0);
  const missedLines: [number, number][] = [];
  let open: [number, number] | undefined;
  for (const [, line, hits] of record.matchAll(/^DA:(\d+),(\d+)/gm)) {
    if (hits !== "0") open = undefined;
    else if (open) open[1] = Number(line);
    else missedLines.push(open = [Number(line), Number(line)]);
  }
  const branches = [...record.matchAll(/^BRDA:(\d+),.*,(?:0|-)$/gm)].map(([, line]) =>
    Number(line)
  );
  const missedBranches = [...new Set(branches)].filter((line) =>
    !missedLines.some(([first, last]) => first <= line && line <= last)
  );
  return {
    lines: [number("LH"), number("LF")],
    branches: [number("BRH"), number("BRF")],
    missedLines,
    missedBranches,
  };
}

/** Returns the sum of the numbers of files. */
export function total(files: Iterable<Covered>): Covered {
  const all = [...files];
  const sum = (kind: Kind) =>
    [0, 1].map((at) => all.reduce((value, one) => value + one[kind][at]!, 0)) as [number, number];
  return { lines: sum("lines"), branches: sum("branches") };
}

/** Returns the targets that are missed. */
export function missedTargets(covered: Covered): Kind[] {
  return KINDS.filter((kind) => percent(covered[kind]) < TARGETS[kind]);
}

/** Returns the report as text, and whether a folder or the total misses a target. */
export function report(
  all: ReadonlyMap<string, CoveredFile>,
  folders: readonly string[],
): { readonly text: string; readonly missed: boolean } {
  const inside = (folder: string) =>
    [...all].filter(([name]) => name === folder || name.startsWith(`${folder}/`));
  const files = new Map(folders.flatMap(inside));
  const worst = [...files].filter(([, one]) => missedTargets(one).length > 0)
    .toSorted(([, a], [, b]) => missedNumber(b) - missedNumber(a));
  const out = worst.slice(0, WORST_FILES).flatMap(([name, one]) => [row(name, one), places(one)]);
  if (worst.length > WORST_FILES) out.push(`… and ${worst.length - WORST_FILES} more files`);
  out.push("");
  const failures: string[] = [];
  const conclude = (name: string, covered: Covered) => {
    out.push(row(name, covered));
    for (const kind of missedTargets(covered)) {
      failures.push(`${name}: below the target of ${TARGETS[kind]} % of ${kind}`);
    }
  };
  for (const folder of folders) {
    const found = inside(folder);
    if (found.length === 0) failures.push(`${folder}: no test loads a file`);
    else conclude(folder, total(found.map(([, one]) => one)));
  }
  conclude(`all ${files.size} files`, total(files.values()));
  return { text: [...out, ...failures].join("\n"), missed: failures.length > 0 };
}

function percent([hit, all]: readonly [number, number]): number {
  return all === 0 ? 100 : hit / all * 100;
}

/** Returns how many lines and branches of a file no test reaches. */
function missedNumber({ lines, branches }: Covered): number {
  return lines[1] - lines[0] + branches[1] - branches[0];
}

function row(name: string, { lines, branches }: Covered): string {
  const [a, b] = [percent(lines), percent(branches)].map((one) => one.toFixed(1).padStart(6));
  return `${a} % of lines, ${b} % of branches: ${name}`;
}

function places({ missedLines, missedBranches }: CoveredFile): string {
  const ranges = missedLines.map(([first, last]) => first === last ? first : `${first}-${last}`);
  return [["lines", ranges], ["branches in", missedBranches]]
    .filter(([, list]) => list!.length > 0)
    .map(([name, list]) => `         ${name} ${(list as unknown[]).join(" ")}`).join("\n");
}

async function runTests(tests: readonly string[]): Promise<number> {
  // The examples of the documentation run without their names, so they have no coverage.
  const run = [...testArguments(tests), "--coverage-raw-data-only"].filter((arg) =>
    arg !== "--doc"
  );
  const env = { DENO_COVERAGE_DIR: `${Deno.cwd()}/${DATA}/raw` };
  return (await new Deno.Command(Deno.execPath(), { args: run, env }).spawn().status).code;
}

/** Removes files that a killed process has not written to the end. They would make the report fail. */
async function removeIncomplete(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (!(await Deno.readTextFile(path)).endsWith("}")) await Deno.remove(path);
  }
}

async function merge(folders: readonly string[]): Promise<ReadonlyMap<string, CoveredFile>> {
  const root = `${Deno.cwd()}/`;
  await removeIncomplete(`${DATA}/raw`);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "coverage",
      "-q",
      "--lcov",
      `--include=/(?:${folders.join("|")})(?:/|$)`,
      "--exclude=/(?:tests|links|node_modules)/",
      `${DATA}/raw`,
    ],
  }).output();
  if (!success) console.error(new TextDecoder().decode(stderr).trimEnd());
  const lcov = new TextDecoder().decode(stdout);
  await Deno.writeTextFile(`${DATA}/lcov.info`, lcov);
  return readLcov(lcov, root);
}

/** Runs everything and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const isFolder = (arg: string) => FOLDERS.some((name) => `${arg}/`.startsWith(`${name}/`));
  const folders = args.filter(isFolder);
  const tests = args.filter((arg) => !isFolder(arg) && arg !== "--add" && arg !== "--report");
  const onlyReport = args.includes("--report");
  if (!onlyReport && !args.includes("--add")) {
    await Deno.remove(DATA, { recursive: true }).catch(() => {});
  }
  const code = onlyReport ? 0 : await runTests(tests);
  const measured = folders.length > 0 ? folders : FOLDERS;
  const { text, missed } = report(await merge(measured), measured);
  console.log(text);
  return code !== 0 ? code : missed ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
