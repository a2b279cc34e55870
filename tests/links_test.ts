import { assert, assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { FLOORS, namesIn, read, sourcesBelow } from "./_support/repository.ts";

const SOURCES = ["mod.ts", ...[...FLOORS, "examples", "tests", ".lint"].flatMap(sourcesBelow)];

/** What the code and the examples in its documentation import of `@std`: `"@std/async/delay delay"`. */
const USED = new Set(SOURCES.flatMap((file) => {
  const imports = read(file).matchAll(/import\s+(?:type\s+)?\{([^}]*)\}\s+from\s+"(@std\/[^"]+)"/g);
  return Array.from(imports).flatMap(([, names = "", specifier]) =>
    names.split(",").map((name) =>
      name.replace(/^[\s*]*(type\s+)?/, "").split(/\s+as\s+/)[0]!.trim()
    )
      .filter(Boolean).map((name) => `${specifier} ${name}`)
  );
}));

/** The npm packages of `deno.json`, and those that one module of the library imports. */
const NPM = [
  ...Object.values(config.imports),
  ...Object.values(config.scopes["./tests/"]),
  ...[...FLOORS, "examples"].flatMap(sourcesBelow).flatMap((file) =>
    Array.from(read(file).matchAll(/"(npm:(?:@[^/"]+\/)?[^/"]+)/g), ([, target]) => target!)
  ),
].filter((target) => target.startsWith("npm:")).map((target) =>
  target.replace(/(@[\d.]+)\/.*$/, "$1")
);

for (const folder of namesIn("links")) {
  const link = JSON.parse(read(`links/${folder}/deno.json`)) as {
    name: string;
    version: string;
    exports: Record<string, string>;
  };

  Deno.test(`links/${folder} stands for the version of ${link.name} that deno.json asks for`, () => {
    const imports: Record<string, string> = config.imports;
    assertEquals(imports[link.name], `jsr:${link.name}@^${link.version}`);
    assert(config.workspace.includes(`./links/${folder}`), "it is not in workspace of deno.json");
  });

  Deno.test(`links/${folder} holds only what is used`, () => {
    for (const [subpath, file] of Object.entries(link.exports)) {
      const source = read(`links/${folder}/${file}`);
      for (const [, name] of source.matchAll(/^export const (\w+)/gm)) {
        const specifier = link.name + subpath.slice(1);
        assert(USED.has(`${specifier} ${name}`), `Nobody imports ${name} from "${specifier}"`);
      }
    }
    const files = namesIn(`links/${folder}`).filter((name) => name !== "deno.json");
    const exported = Object.values(link.exports).map((file) => file.replace("./", "")).sort();
    assertEquals(files, exported);
  });
}

Deno.test("every jsr: import has its link", () => {
  const linked = namesIn("links").map((folder) =>
    (JSON.parse(read(`links/${folder}/deno.json`)) as { name: string }).name
  );
  const imported = Object.entries(config.imports).filter(([, target]) => target.startsWith("jsr:"))
    .map(([name]) => name);
  assertEquals(imported.sort(), linked.sort());
});

Deno.test("every npm: import is pinned to one version", () => {
  const pinned = /^npm:(@[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+$/;
  assertEquals(NPM.filter((target) => !pinned.test(target)), []);
});

Deno.test("every npm package has the same version everywhere", () => {
  const packages = new Set(NPM);
  const names = new Set(Array.from(packages, (target) => target.replace(/@[\d.]+$/, "")));
  assertEquals(packages.size, names.size, [...packages].sort().join(" "));
});

Deno.test("deno task installs the packages of the chat and no others", () => {
  const mapped = Object.keys(config.imports).filter((name) => !name.startsWith("@std/"));
  assertEquals(mapped, ["@logtape/logtape", "markdown-it", "markdown-it/browser"]);
  assertEquals(config.lock, false);
});
