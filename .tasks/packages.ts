/** The packages of the lock file, with their licences. */

import config from "../deno.json" with { type: "json" };

/** A package of npm. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** The licence as the package states it: an expression of SPDX. */
  readonly licence: string;
  /** The hash of the package in the registry, as base64: SHA-512. */
  readonly sha512: string;
  /** Whether the tests alone use it. */
  readonly forTests: boolean;
  /** The texts of its licence. */
  readonly texts: readonly string[];
}

interface Locked {
  readonly integrity: string;
  readonly dependencies?: readonly string[];
}

/** The folders that are published, and the links that stand for `@std`. */
const PUBLISHED = ["net", "http", "ws", "tools", "examples", "links"];

/** Reads the packages of the lock file from the cache of Deno, and downloads those that are not there. */
export async function readPackages(): Promise<Package[]> {
  await deno(["install", "-q", "--lock=deno.lock", "--frozen"]);
  const { npm: locked } = JSON.parse(await Deno.readTextFile("deno.lock")) as {
    readonly npm: Readonly<Record<string, Locked>>;
  };
  const shipped = reachable(locked, await publishedRoots());
  const cache = await cacheFolder();
  return await Promise.all(
    Object.entries(locked).map(async ([key, { integrity }]) => {
      const { name, version } = parseKey(key);
      const folder = `${cache}/${name}/${version}`;
      const { license } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
      return {
        name,
        version,
        licence: typeof license === "string" ? license.replace(/^\((.*)\)$/, "$1") : "unknown",
        sha512: integrity.replace(/^sha512-/, ""),
        forTests: !shipped.has(key),
        texts: await licenceTexts(folder),
      };
    }),
  );
}

/** Returns the keys of the packages that the published modules import. */
async function publishedRoots(): Promise<string[]> {
  const specifiers = new Set(Object.values(config.imports));
  for (const folder of PUBLISHED) {
    for await (const file of sourcesBelow(folder)) {
      for (const [, specifier] of (await Deno.readTextFile(file)).matchAll(/"(npm:[^"$]+)"/g)) {
        specifiers.add(specifier!);
      }
    }
  }
  return [...specifiers].filter((one) => one.startsWith("npm:"))
    .map((one) => /^npm:((?:@[^/]+\/)?[^/@]+@[^/]+)/.exec(one)![1]!);
}

async function* sourcesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourcesBelow(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

/** Returns the keys of packages and of everything that they depend on. */
function reachable(
  locked: Readonly<Record<string, Locked>>,
  roots: readonly string[],
): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string) => {
    // A dependency has a version only where the lock file has several of its name.
    const key = Object.keys(locked).find((key) =>
      key === name || key.startsWith(`${name}_`) || key.startsWith(`${name}@`)
    );
    if (key === undefined) throw new Error(`deno.lock does not have ${name}`);
    if (found.has(key)) return;
    found.add(key);
    locked[key]!.dependencies?.forEach(visit);
  };
  roots.forEach(visit);
  return found;
}

/** Returns name and version of a key. The packages behind a `_` are its peers. */
function parseKey(key: string): { readonly name: string; readonly version: string } {
  const [, name, version] = /^(@?[^@]+)@([^_]+)/.exec(key)!;
  return { name: name!, version: version! };
}

async function cacheFolder(): Promise<string> {
  return `${JSON.parse(await deno(["info", "--json"])).npmCache}/registry.npmjs.org`;
}

/** Runs Deno and returns its output. */
async function deno(args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function licenceTexts(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (/^(licen[cs]e|copying|notice)/i.test(name)) names.push(name);
  }
  return await Promise.all(names.sort().map((name) => Deno.readTextFile(`${folder}/${name}`)));
}
