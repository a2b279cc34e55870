import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  exists,
  EXPORTS,
  PERMISSION_FLAGS,
  publicModules,
  read,
  TASKS,
} from "./_support/repository.ts";

const ENGLISH = read("README.md");
const CHINESE = read("README.zh-CN.md");
const DOCUMENTS = new Map([
  ["README.md", ENGLISH],
  ["README.zh-CN.md", CHINESE],
  ["CONTRIBUTING.md", read("CONTRIBUTING.md")],
  ["docs/comparison.md", read("docs/comparison.md")],
]);

/** The code blocks of a document, each with its language. */
function codeBlocks(markdown: string): string[] {
  return Array.from(markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm), ([, language, code]) => {
    // What a comment says is translated, what a command does is not.
    const comments = language === "ts" ? /\s*\/\/.*$/gm : /\s*(^|\s)#.*$/gm;
    return `${language}\n${(code ?? "").replace(comments, "").trim()}`;
  });
}

/** The lines of the shell blocks and the code spans: what a reader may type. */
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
  assertEquals(codeBlocks(CHINESE), codeBlocks(ENGLISH));
  const pictures = (markdown: string) =>
    Array.from(markdown.matchAll(/!\[[^\]]*\]\(([^)]*)\)/g), ([, target]) => target);
  assertEquals(pictures(CHINESE), pictures(ENGLISH));
  // What a table says about is code, and so are the permissions; both stay as they are.
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
    const named = [
      ...commands(markdown).flatMap((command) =>
        Array.from(
          command.matchAll(
            /(?<![\w./-])((?:net|tools|examples|tests|links|docs|\.ci|\.lint)\/[\w./-]*\w)/g,
          ),
          ([path]) => path,
        )
      ).filter((path) => /\.\w+$/.test(path)),
      ...Array.from(markdown.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g), ([, path]) => path!),
    ];
    // The guide for contributors tells how to add files; these do not exist, as everyone sees.
    for (const path of named.filter((path) => !/\/x_\w+\.ts$/.test(path))) {
      assert(exists(path), `${document} names a file that does not exist: ${path}`);
    }
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
