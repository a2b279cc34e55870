/** The workflows of GitHub, as far as they can be judged here. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { namesIn, read, TASKS } from "./_support/repository.ts";

const FOLDER = ".github/workflows";
const FILES = namesIn(FOLDER);
/** The permissions that a job may have beside `contents: read`, by file. */
const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  "release.yml": ["attestations: write", "contents: write", "id-token: write"],
};

/** The jobs of a workflow: name to text. */
function jobsOf(text: string): [name: string, text: string][] {
  const [, jobs = ""] = text.split(/^jobs:\n/m);
  return jobs.split(/^(?= {2}\w+:\n)/m).map((job) => [/^ {2}(\w+):/.exec(job)![1]!, job]);
}

Deno.test("the workflows are continuous integration, nightly runs and releases", () => {
  assertEquals(FILES, ["ci.yml", "nightly.yml", "release.yml"]);
});

for (const file of FILES) {
  const text = read(`${FOLDER}/${file}`);

  Deno.test(`${file}: every action is a commit, and the same one everywhere`, () => {
    const uses = Array.from(text.matchAll(/uses: (.*)/g), ([, action]) => action!);
    assert(uses.length > 0);
    const all = FILES.map((name) => read(`${FOLDER}/${name}`)).join("\n");
    for (const action of uses) {
      const [, name] = /^([\w-]+\/[\w-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.exec(action) ?? [];
      assert(name !== undefined, action);
      const others = Array.from(all.matchAll(RegExp(`uses: (${name}@.*)`, "g")), ([, one]) => one);
      assertEquals(new Set(others).size, 1, name);
    }
  });

  Deno.test(`${file}: a job has a time limit and no more permissions than it needs`, () => {
    assertMatch(text, /^permissions:\n {2}contents: read\n/m);
    const given = Array.from(text.matchAll(/^ +([\w-]+: write)$/gm), ([, one]) => one!);
    assertEquals([...new Set(given)].sort(), PERMISSIONS[file] ?? []);
    for (const [name, job] of jobsOf(text)) {
      assertMatch(job, /^ {4}timeout-minutes: \d+$/m, name);
      assertMatch(job, /^ {4}runs-on: (ubuntu-latest|\$\{\{ matrix\.os \}\})$/m, name);
      const checkouts = job.match(/uses: actions\/checkout@/g)?.length;
      assertEquals(job.match(/persist-credentials: false/g)?.length, checkouts, name);
    }
  });

  Deno.test(`${file}: every task exists, and nothing of an event becomes part of a command`, () => {
    for (const [, name] of text.matchAll(/deno task (?:-q )?([\w:]+)/g)) {
      assert(TASKS.has(name!), name);
    }
    for (const [, command] of text.matchAll(/run: (?!\|)(.*)/g)) {
      assertEquals(/\$\{\{/.exec(command!), null, command);
    }
  });
}

Deno.test("release.yml: publishing comes last, with binaries for five targets and their licences", () => {
  const text = read(`${FOLDER}/release.yml`);
  const [[binaries, build], [jsr, publish]] = jobsOf(text) as [[string, string], [string, string]];
  assertEquals([binaries, jsr], ["binaries", "jsr"]);
  assertMatch(publish, /^ {4}needs: binaries$/m);
  const targets = build.match(
    /\b(x86_64|aarch64)-(unknown-linux-gnu|apple-darwin|pc-windows-msvc)/g,
  );
  assertEquals(new Set(targets).size, 5);
  const order = ["deno compile", "sbom.spdx.json", "LICENCES.txt", "SHA256SUMS", "gh release"];
  const places = order.map((part) => build.indexOf(part));
  assertEquals(places, places.toSorted((a, b) => a - b));
  assert(!places.includes(-1));
});
