import { Buffer } from "node:buffer";
import { basename, dirname, join } from "node:path/posix";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { compileArguments, PROGRAMS } from "../.tasks/compile.ts";
import { permissionsPage } from "../.tasks/permissions.ts";
import { testArguments } from "../.tasks/test.ts";
import config from "../deno.json" with { type: "json" };
import {
  deno,
  exists,
  EXPORTS,
  FLOORS,
  publicModules,
  publicModulesBelow,
  read,
  ROOT,
  sourcesBelow,
  TASKS,
  temporaryFolder,
} from "./_support/repository.ts";
import { LOCK } from "./_support/flags.ts";

const PUBLIC_FILES = [
  "mod.ts",
  ...FLOORS.flatMap(publicModulesBelow),
  ...publicModules("examples"),
];

/** Modules that need packages of npm. Only their own subpath leads to them, so nobody else loads these. */
const WITH_PACKAGES = /^net\/mail\/message\//;

/** The files that a module re-exports. */
function reexports(file: string): string[] {
  return Array.from(
    read(file).matchAll(/^export (?:type )?(?:\*|\{[^}]*\}) from "(\.[^"]+)";$/gm),
    ([, specifier]) => join(dirname(file), specifier!),
  );
}

Deno.test("a subpath has the name of its file or of the folder of its mod.ts", () => {
  for (const [subpath, target] of Object.entries(EXPORTS)) {
    const file = target.slice(2);
    assert(exists(file), `${subpath} is ${file}, which does not exist`);
    if (subpath === ".") continue;
    const words = file.replace(/(\/mod)?\.ts$/, "").replaceAll("_", "-").split("/");
    const name = basename(subpath);
    const joined = words.slice(-2).join("-");
    assert(name === words.at(-1) || name === joined, `${subpath} is ${file}`);
    assertEquals(subpath.split("/")[1], words[0], `${subpath} is in another part: ${file}`);
  }
});

Deno.test("every public file is an export, or is re-exported by one", () => {
  const reached = new Set(Object.values(EXPORTS).map((target) => target.slice(2)));
  for (const file of reached) {
    // The mod.ts of a part re-exports all: a subpath of its own is what counts.
    if (/^(\w+\/)?mod\.ts$/.test(file)) continue;
    for (const other of reexports(file)) reached.add(other);
  }
  assertEquals(PUBLIC_FILES.filter((file) => !reached.has(file)), []);
});

Deno.test("no subpath leads to code that only the package uses", () => {
  assertEquals(Object.values(EXPORTS).filter((file) => /\/(_|internal\/)/.test(file)), []);
});

Deno.test("every class has a name of its own, and no type hides one of TypeScript", () => {
  const files = new Map<string, string>();
  for (const file of [...FLOORS, "examples"].flatMap(sourcesBelow)) {
    const code = read(file);
    for (const [, name] of code.matchAll(/^(?:export )?(?:abstract )?class (\w+)/gm)) {
      assert(!files.has(name!), `${file} and ${files.get(name!)} have a class ${name}`);
      files.set(name!, file);
    }
    const hidden =
      /^(?:export )?(?:interface|type|class) (Awaited|Exclude|Extract|Omit|Partial|Pick|Readonly|Record|Required|ReturnType)\b/m
        .exec(code)?.[1];
    assertEquals(hidden, undefined, `${file} hides a type of TypeScript`);
  }
});

Deno.test("every subpath is in kebab-case", () => {
  for (const path of Object.keys(EXPORTS)) {
    assertMatch(path, /^\.(\/[a-z0-9]+(-[a-z0-9]+)*)*$/);
  }
});

Deno.test("the mod.ts of a folder exports everything that its files do", async () => {
  const namesOf = async (file: string): Promise<Set<string>> => {
    const { stdout } = await deno(["doc", LOCK, "--json", file]);
    const { nodes } = JSON.parse(stdout) as {
      nodes: Record<string, { symbols: { name: string }[] }>;
    };
    return new Set(Object.values(nodes).flatMap(({ symbols }) => symbols.map(({ name }) => name)));
  };
  const root = await namesOf("mod.ts");
  for (const floor of FLOORS) {
    const mod = await namesOf(`${floor}/mod.ts`);
    for (const file of publicModulesBelow(floor).filter((file) => !WITH_PACKAGES.test(file))) {
      const missing = (await namesOf(file)).difference(mod);
      // Each program has its own.
      if (floor === "tools") missing.delete("main");
      assertEquals([...missing], [], `missing in ${floor}/mod.ts, from ${file}`);
    }
    assertEquals([...mod.difference(root)], [], "missing in mod.ts");
  }
});

Deno.test("the mod.ts of a part loads no package of npm but those of the chat", async () => {
  for (const file of ["mod.ts", ...FLOORS.map((floor) => `${floor}/mod.ts`), "net/mail/mod.ts"]) {
    const { stdout } = await deno(["info", LOCK, "--json", file]);
    const { modules } = JSON.parse(stdout) as { modules: { specifier: string }[] };
    const packages = modules.map(({ specifier }) => specifier).filter((one) =>
      /nodemailer|postal-mime|html-to-text|htmlparser2/.test(one)
    );
    assertEquals(packages, [], file);
  }
});

Deno.test("a mod.ts only re-exports", () => {
  for (const file of PUBLIC_FILES.filter((file) => /(^|\/)mod\.ts$/.test(file))) {
    const code = read(file).replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
    for (const statement of code.split(";").map((part) => part.trim()).filter(Boolean)) {
      assertMatch(statement, /^export (type )?(\*|\{[^}]*\}) from "\.\/[^"]+\.ts"$/, file);
    }
  }
});

Deno.test("everything that is exported is documented", async () => {
  const { code, stderr } = await deno(["doc", LOCK, "--lint", ...Object.values(EXPORTS)]);
  assertEquals(code, 0, stderr);
});

Deno.test("every public file says what it is for and which permissions it needs", () => {
  for (const file of PUBLIC_FILES) {
    const [introduction = ""] = /^(?:#!.*\n)?\s*\/\*\*[\s\S]*?\*\//.exec(read(file)) ?? [];
    assertMatch(introduction, /@module\b/, `${file} has no @module`);
    assertStringIncludes(introduction, "**Permissions**", `${file} names no permissions`);
  }
});

Deno.test("the documentation of every subpath begins with an example, or with the commands of a program", () => {
  for (const [subpath, file] of Object.entries(EXPORTS)) {
    const [introduction = ""] = /^(?:#!.*\n)?\s*\/\*\*[\s\S]*?\*\//.exec(read(file)) ?? [];
    const program = subpath.startsWith("./examples/") || subpath === "./tools/dns";
    const block = program ? / \* ```sh\n \* (?:\S.* )?deno (?:task|run) / : / \* ```ts\n/;
    assertMatch(introduction, block, `${subpath} has no example in ${file}`);
  }
});

Deno.test("PERMISSIONS.md is what deno task permissions writes", async () => {
  assertEquals(read("PERMISSIONS.md"), await permissionsPage());
});

Deno.test("deno publish would accept the package as it is", async () => {
  const { code, stderr } = await deno(["publish", LOCK, "--dry-run", "--allow-dirty"]);
  assertEquals(code, 0, stderr);
  // Deno must not find the client of Redis, which it would download for every chat.
  const warnings = stderr.matchAll(/^.*warning.*\n\s*-->\s*\S*\/(examples\/\S+?):\d/gim);
  assertEquals(Array.from(warnings, ([, file]) => file), ["examples/chat/bus/redis.ts"]);
  assertEquals(stderr.match(/warning/gi)?.length, 1, stderr);
  const published = Array.from(
    stderr.matchAll(/^\s+file:\/\/(\S+) \(.*\)$/gm),
    ([, path]) => decodeURIComponent(path ?? "").replace(ROOT, ""),
  );
  for (const file of [...PUBLIC_FILES, "deno.json", "LICENSE", "README.md", "CHANGELOG.md"]) {
    assert(published.includes(file), `${file} would not be published: ${published.join(" ")}`);
  }
  // Users get the real @std, not the stand-ins in links/.
  const notForUsers = published.filter((file) =>
    /^(\.|tests\/|links\/|dist\/|deno\.lock$)/.test(file)
  );
  assertEquals(notForUsers, []);
});

/** A project that finds the package, and what it needs of JSR, in this repository. */
async function consumer(files: Record<string, string>) {
  const folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/deno.json`, JSON.stringify({ links: [ROOT] }));
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder.path}/${name}`, text);
  }
  return {
    deno: (...args: string[]) => deno(args, { cwd: folder.path }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const JSR = `jsr:${config.name}@^${config.version}`;

Deno.test("a project that imports the package from JSR checks and runs", async () => {
  await using project = await consumer({
    "main.ts": `
      import { connectTcp, type Connection, serveTcp } from "${JSR}/net";
      import { NetError } from "${JSR}/net/errors";

      async function answer(conn: Connection): Promise<void> {
        for await (const line of conn.lines()) await conn.write(\`you said \${line}\\n\`);
      }
      await using server = serveTcp({ port: 0 }, answer);
      await using client = await connectTcp({ port: server.addr.port });
      await client.write("hello\\n");
      console.log(await client.readLine());
      await server.shutdown();
      try {
        await connectTcp({ port: server.addr.port });
      } catch (error) {
        console.log(error instanceof NetError && error.kind);
      }
    `,
  });
  const checked = await project.deno("check", "main.ts");
  assertEquals(checked.code, 0, checked.stderr);
  const ran = await project.deno("run", "--allow-net=127.0.0.1", "main.ts");
  assertEquals([ran.code, ran.stdout], [0, "you said hello\nrefused\n"], ran.stderr);
  assertEquals(/^.*warning.*$/im.exec(ran.stderr)?.[0], undefined);
});

Deno.test("a project sees the types of the package", async () => {
  await using project = await consumer({
    "main.ts": `
      import { serveTcp } from "${JSR}/net/tcp";
      serveTcp({ port: "80" }, () => {});
    `,
  });
  const { code, stderr } = await project.deno("check", "main.ts");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Type 'string' is not assignable to type 'number'");
});

Deno.test("a project can import every subpath alone", async () => {
  const imports = Object.keys(EXPORTS).map((path, index) =>
    `import * as _${index} from "${JSR}${path.slice(1)}";`
  );
  await using project = await consumer({ "main.ts": imports.join("\n") });
  const checked = await project.deno("check", "main.ts");
  assertEquals(checked.code, 0, checked.stderr);
  // Nothing is run on import, so no permission is needed either.
  const ran = await project.deno("run", "--no-prompt", "main.ts");
  assertEquals([ran.code, ran.stdout], [0, ""], ran.stderr);
});

Deno.test("every program can be compiled with exactly its permission set", () => {
  const used = [...TASKS.values()].flatMap((command) =>
    Array.from(command.matchAll(/deno run .*-P=([\w-]+)/g), ([, set]) => set)
  );
  assertEquals(used.sort(), Object.keys(config.permissions).sort());
  for (const [name, file] of PROGRAMS) {
    assert(exists(file), `${name} is ${file}, which does not exist`);
    assertEquals(compileArguments(name), [
      "compile",
      "-q",
      "--lock=deno.lock",
      `-P=${name}`,
      "-o",
      `dist/${name}`,
      file,
    ]);
  }
});

Deno.test("every task that loads modules names the lock file", () => {
  const names = (command: string) => command.split(/ && |^[A-Z].*?(?= deno )/);
  for (const [name, task] of TASKS) {
    for (
      const command of names(task).filter((one) => /deno (run|test|check|doc|publish)/.test(one))
    ) {
      // The scripts of .tasks/ import no packages.
      if (!command.includes(" .tasks/")) assertStringIncludes(command, "--lock=deno.lock", name);
    }
  }
});

Deno.test("deno task test runs the files that it gets, with -- and without", async () => {
  const all = ["test", "-q", "--lock=deno.lock", "--frozen", "-A", "--parallel", "--doc"];
  assertEquals(testArguments(), all);
  assertEquals(testArguments(["--", "tests/ws", "--", "x"]), [...all, "tests/ws", "--", "x"]);
  for (const dashes of [[], ["--"]]) {
    const files = ["tests/net/text_test.ts", "--filter=escapeControls"];
    const { code, stdout } = await deno(["task", "-q", "test", ...dashes, ...files]);
    assertEquals(code, 0, stdout);
    assertMatch(stdout, /\nok \| \d passed \| 0 failed \| \d+ filtered out/);
  }
});

Deno.test("deno task compile names the programs if it does not know one", async () => {
  for (const args of [["chatt"], [], ["chat", "dist/chat", "more"]]) {
    const { code, stderr } = await deno(["task", "-q", "compile", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      args.length > 1 ? "Unexpected argument: more" : "chat, concurrent-",
    );
  }
});

Deno.test("the chat compiles into a program of its own", async (t) => {
  await using folder = await temporaryFolder();
  const program = `${folder.path}/chat`;
  const args = compileArguments("chat", program);
  // Where downloads are swallowed rather than refused, Deno would wait for minutes.
  const compiled = await deno(args, { signal: AbortSignal.timeout(60_000) });
  if (compiled.code === 0) {
    await t.step("and runs with no permission but its own", async () => {
      const child = new Deno.Command(program, {
        args: ["--port=0", "--web-port=0"],
        cwd: folder.path,
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      try {
        let printed = "";
        for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
          printed += text;
          if (/listening on http:/.test(printed)) break;
        }
        assertMatch(printed, /listening on tcp:\/\/127\.0\.0\.1:\d+\n/);
      } finally {
        child.kill("SIGTERM");
      }
      assertEquals((await child.status).code, 0);
    });
    return;
  }
  assertMatch(compiled.stderr, /denort|^$/, "only the base runtime may be missing");
  await t.step("(packaging alone: its base runtime cannot be downloaded here)", async () => {
    const { code, stderr } = await deno(args, { env: { DENORT_BIN: Deno.execPath() } });
    assertEquals(code, 0, stderr);
    const packed = Buffer.from(await Deno.readFile(program));
    for (const part of ["class Lobby", '<main id="join">', '"allow_net":["127.0.0.1"]']) {
      assert(packed.includes(part), `${part} is not in it`);
    }
  });
});

Deno.test("the newest version of the changelog is that of the package", () => {
  const [, newest] = /^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$/m.exec(read("CHANGELOG.md")) ?? [];
  assertEquals(newest, config.version);
});

Deno.test("the version of Deno stands in .dvmrc alone", () => {
  const version = read(".dvmrc").trim();
  assertMatch(version, /^\d+\.\d+\.\d+$/);
  const files = [".ci/run", "deno.json", "README.md", "README.zh-CN.md", "CONTRIBUTING.md"];
  for (const file of files.filter(exists)) {
    assert(!read(file).includes(version), `${file} names the version, too`);
  }
});
