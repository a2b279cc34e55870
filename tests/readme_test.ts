import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path/posix";
import {
  deno,
  exists,
  EXPORTS,
  PERMISSION_FLAGS,
  publicModules,
  read,
  TASKS,
} from "./_support/repository.ts";
import { LOCK } from "./_support/flags.ts";

const ENGLISH = read("README.md");
const CHINESE = read("README.zh-CN.md");
const DOCUMENTS = new Map([
  ["README.md", ENGLISH],
  ["README.zh-CN.md", CHINESE],
  ...[
    "CONTRIBUTING.md",
    "docs/README.md",
    "docs/architecture.md",
    "docs/comparison.md",
    "docs/deployment.md",
    "docs/errors.md",
    "docs/faq.md",
    "docs/guides/client.md",
    "docs/guides/files.md",
    "docs/guides/mail.md",
    "docs/guides/server.md",
    "docs/guides/tls.md",
  ].map((file) => [file, read(file)] as const),
]);

/** The code blocks of a document, each with its language. */
function codeBlocks(markdown: string): string[] {
  return Array.from(markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm), ([, language, code]) => {
    // Comments are translated, commands are not.
    const comments = language === "ts" ? /\s*\/\/.*$/gm : /\s*(^|\s)#.*$/gm;
    return `${language}\n${(code ?? "").replace(comments, "").trim()}`;
  });
}

/** The lines of the shell blocks and the code spans: everything that a reader can type. */
function commands(markdown: string): string[] {
  const lines = codeBlocks(markdown).filter((block) => block.startsWith("sh\n"))
    .flatMap((block) => block.split("\n").slice(1));
  const spans = Array.from(markdown.matchAll(/`([^`\n]+)`/g), ([, code]) => code ?? "");
  return [...lines, ...spans];
}

/** The rows of the tables as cells, without the rows that rule them off. */
function tableRows(markdown: string): string[][] {
  return markdown.split("\n").filter((line) => /^\|.*\|$/.test(line) && !/^[|\s:-]+$/.test(line))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
}

Deno.test("the two READMEs have the same sections in the same order", () => {
  const levels = (markdown: string) =>
    Array.from(
      markdown.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^(#+) /gm),
      ([, hashes]) => hashes,
    );
  assertEquals(levels(CHINESE), levels(ENGLISH));
});

Deno.test("the two READMEs have the same code blocks, pictures and rows of tables", () => {
  // The Chinese README starts the chat in Chinese.
  const inEnglish = codeBlocks(CHINESE).map((block) => block.replace(" --lang zh", ""));
  assertEquals(inEnglish, codeBlocks(ENGLISH));
  assertStringIncludes(CHINESE, "deno run -A examples/chat.ts --lang zh");
  const pictures = (markdown: string) =>
    Array.from(markdown.matchAll(/!\[[^\]]*\]\(([^)]*)\)/g), ([, target]) => target);
  assertEquals(pictures(CHINESE), pictures(ENGLISH));
  // Names and permissions are code, which is not translated.
  const code = (markdown: string) =>
    tableRows(markdown).map((cells) =>
      cells.map((cell) => cell.match(/`[^`]+`/g)?.join(" ") ?? (/^\d+$/.test(cell) ? cell : ""))
    );
  assertEquals(code(CHINESE).slice(1), code(ENGLISH).slice(1));
});

Deno.test("every task that a document names exists", () => {
  for (const [document, markdown] of DOCUMENTS) {
    for (const command of commands(markdown)) {
      for (const [, task] of command.matchAll(/\bdeno task ([\w:-]+)/g)) {
        assert(TASKS.has(task!), `${document} names a task that does not exist: ${task}`);
      }
    }
  }
});

Deno.test("every file that a document names exists", () => {
  for (const [document, markdown] of DOCUMENTS) {
    // Paths in code are relative to the repository, links are relative to the document.
    const paths = Array.from(
      withoutUrls(markdown).matchAll(
        /(?<![\w./-])(?:net|http|ws|tools|examples|tests|links|docs|\.ci|\.lint)\/[\w./-]*\w/g,
      ),
      ([path]) => path,
    ).filter((path) => /\.\w+$/.test(path));
    const links = Array.from(
      markdown.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g),
      ([, path]) => join(dirname(document), path!),
    );
    // The guide for contributors explains how to add the files of a protocol x, which do not exist.
    for (const path of [...paths, ...links].filter((path) => !path.startsWith("net/x/"))) {
      assert(exists(path), `${document} names a file that does not exist: ${path}`);
    }
  }
});

/** Removes the targets of links and URLs, whose paths are not paths of the repository. */
function withoutUrls(markdown: string): string {
  return markdown.replace(/\]\([^)]*\)/g, "]").replace(/\bhttps?:\/\/\S+/g, "");
}

Deno.test("every section that a document links to exists", () => {
  for (const [document, markdown] of DOCUMENTS) {
    for (const [, path, section] of markdown.matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)) {
      const target = path === "" ? document : join(dirname(document), path!);
      const sections = Array.from(
        read(target).matchAll(/^#+ (.+)$/gm),
        ([, title]) => title!.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-"),
      );
      assert(sections.includes(section!), `${document} links to ${target}#${section}`);
    }
  }
});

Deno.test("every flag and permission set in a command of a document exists", async () => {
  const help = new Map<string, Promise<string>>();
  const helpOf = (file: string) => {
    const text = help.get(file) ??
      deno(["run", LOCK, "-A", file, "--help"]).then(({ stdout }) => stdout);
    help.set(file, text);
    return text;
  };
  for (const [document, markdown] of DOCUMENTS) {
    for (const command of commands(markdown)) {
      for (const [, set] of command.matchAll(/ -P=([\w-]+)/g)) {
        assert(PERMISSION_FLAGS.has(set!), `${document} names a permission set: ${set}`);
      }
      const [, task = "", file = "", rest = ""] =
        /^(?:npx --yes )?deno (?:task (\S+)|run .*?(\S+\.ts)) ?(.*)$/.exec(command) ?? [];
      const program = file || /\S+\.ts$/.exec(TASKS.get(task) ?? "")?.[0];
      if (program === undefined || !/^(?:tools|examples)\//.test(program)) continue;
      for (const [flag] of rest.replace(/ #.*/, "").matchAll(/(?<=^|\s)--[\w-]+/g)) {
        assert((await helpOf(program)).includes(flag), `${document}: ${program} has no ${flag}`);
      }
    }
  }
});

Deno.test("every symbol in a deno doc command of a document exists", async () => {
  const done = new Set<string>();
  for (const [document, markdown] of DOCUMENTS) {
    for (const command of commands(markdown)) {
      const [, args] = /^deno doc ((?:--filter )\S+ \S+)/.exec(command) ?? [];
      if (args === undefined || done.has(args)) continue;
      done.add(args);
      const { code, stderr } = await deno(["doc", LOCK, ...args.split(" ")]);
      assertEquals(code, 0, `${document}: ${command}: ${stderr}`);
    }
  }
  assert(done.size > 1, "no command was found");
});

Deno.test("the table of error kinds has every kind and every TLS reason", () => {
  const kinds = read("net/errors/kinds.ts");
  const [, tls = ""] = read("docs/errors.md").split(/^## TLS$/m);
  for (const [name, text] of [["NetErrorKind", read("docs/errors.md")], ["TlsFailure", tls]]) {
    const [, union = ""] = new RegExp(`type ${name} =([^;]*);`).exec(kinds) ?? [];
    const words = Array.from(union.matchAll(/"([\w-]+)"/g), ([, word]) => word!);
    assert(words.length > 5, `no words of ${name}`);
    const rows = tableRows(text!).map(([first]) => first);
    for (const word of words) assert(rows.includes(`\`${word}\``), `docs/errors.md has no ${word}`);
  }
});

Deno.test("the README names every module of the library", () => {
  const spans = new Set(commands(ENGLISH));
  for (const subpath of Object.keys(EXPORTS)) {
    if (/^\.\/(net|http|ws|tools)\//.test(subpath)) {
      assert(spans.has(subpath.slice(2)), `The README does not name ${subpath.slice(2)}`);
    }
  }
});

Deno.test("the README names every program with its task and its exact permissions", () => {
  for (const file of publicModules("examples")) {
    const name = file.replace("examples/", "").replace(".ts", "").replaceAll("_", "-");
    assert(TASKS.has(name), `${file} has no task`);
    const flags = PERMISSION_FLAGS.get(name);
    assert(flags !== undefined, `${file} has no permission set`);
    for (const markdown of [ENGLISH, CHINESE]) {
      const row = tableRows(markdown).find(([first = ""]) => first.includes(`\`${file}\``));
      assert(row !== undefined, `No table has a row for ${file}`);
      assertEquals(
        row.join(" ").match(/--allow-[^\s`]+/g)?.toSorted() ?? [],
        flags.toSorted(),
        file,
      );
    }
  }
});

Deno.test("the README begins with the two commands that run everything on Node alone", () => {
  const [first = ""] = codeBlocks(ENGLISH);
  assertStringIncludes(first, "npx --yes deno run -A examples/chat.ts");
  assertStringIncludes(first, "npx --yes deno task test");
});
