import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path/posix";
import {
  deno,
  exists,
  EXPORTS,
  namesIn,
  PERMISSION_FLAGS,
  publicModules,
  read,
  TASKS,
} from "./_support/repository.ts";
import { LOCK } from "./_support/flags.ts";
import { sectionId } from "../.tasks/docs_site/links.ts";

const ENGLISH = read("README.md");
const CHINESE = read("README.zh-CN.md");

/** The files of the programs. */
const PROGRAMS = [
  ...publicModules("examples"),
  "tools/scan.ts",
  "tools/diagnose.ts",
  "tools/dns.ts",
  "tools/fault_proxy.ts",
];

/** The task of a program. */
function taskOf(file: string): string {
  return file.replace(/^\w+\//, "").replace(".ts", "").replaceAll("_", "-");
}

/** The path of a program, and the text of the documentation at its beginning. */
function introductionOf(file: string): [file: string, markdown: string] {
  const [, text = ""] = /\/\*\*([\s\S]*?)\*\//.exec(read(file)) ?? [];
  return [file, text.replace(/^ \* ?/gm, "")];
}

/** All pages but the changelog, which also names what does not exist any more. */
const DOCUMENTS = new Map(
  ["", "docs", "docs/guides"].flatMap((folder) =>
    namesIn(folder || ".").filter((name) => name.endsWith(".md") && name !== "CHANGELOG.md")
      .map((name) => join(folder, name))
  ).map((file) => [file, read(file)]),
);

/** The pages that exist in both languages: the English and the Chinese text. */
const TRANSLATED = new Map(
  [...DOCUMENTS].filter(([file]) => file.endsWith(".zh-CN.md")).map(([file, chinese]) => {
    const english = DOCUMENTS.get(file.replace(".zh-CN", ""));
    assert(english !== undefined, `${file} is no translation of a page`);
    return [file, { english, chinese }];
  }),
);

/** The code blocks of a document, each with its language. */
function codeBlocks(markdown: string): string[] {
  return Array.from(
    markdown.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm),
    ([, language = "", code = ""]) => {
      // Comments are translated, code is not.
      const comments = /^[jt]s$/.test(language) ? /\s*\/\/.*$/gm : /\s*(^|\s)#.*$/gm;
      return `${language}\n${code.replace(comments, "").trim()}`;
    },
  );
}

/** The pictures of a document. */
function pictures(markdown: string): string[] {
  return Array.from(
    markdown.matchAll(/!\[[^\]]*\]\(([^)]*)\)|<img src="([^"]*)"/g),
    ([, target, source]) => target ?? source ?? "",
  );
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

Deno.test("the pages in both languages have the same sections in the same order", () => {
  const levels = (markdown: string) =>
    Array.from(
      markdown.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^(#+) /gm),
      ([, hashes]) => hashes,
    );
  for (const [file, { english, chinese }] of TRANSLATED) {
    assertEquals(levels(chinese), levels(english), file);
  }
});

Deno.test("the pages in both languages have the same code, pictures, links and rows of tables", () => {
  // Names and permissions are code, which is not translated; their order in a sentence may be another.
  const code = (markdown: string) =>
    tableRows(markdown).map((cells) =>
      cells.map((cell) =>
        cell.match(/`[^`]+`/g)?.toSorted().join(" ") ?? (/^\d+$/.test(cell) ? cell : "")
      )
    );
  const links = (markdown: string) =>
    Array.from(markdown.matchAll(/\]\(([^)]*)\)/g), ([, link]) => link!.replace(".zh-CN", ""))
      .filter((link) => link.endsWith(".md")).toSorted();
  for (const [file, { english, chinese }] of TRANSLATED) {
    // The Chinese README starts the chat in Chinese.
    const blocks = codeBlocks(chinese).map((block) => block.replace(" --lang zh", ""));
    assertEquals(blocks, codeBlocks(english), file);
    assertEquals(pictures(chinese), pictures(english), file);
    assertEquals(code(chinese), code(english), file);
    assertEquals(links(chinese), links(english), file);
  }
  assertStringIncludes(CHINESE, "deno run -A examples/chat.ts --lang zh");
});

Deno.test("a page in Chinese links to the Chinese version of a page that has one", () => {
  for (const [file, { chinese }] of TRANSLATED) {
    for (const [, link] of chinese.matchAll(/\]\((?!https?:)([^)#]+\.md)/g)) {
      const target = join(dirname(file), link!).replace(/(\.zh-CN)?\.md$/, "");
      const self = target === file.replace(".zh-CN.md", "");
      assertEquals(
        link!.endsWith(".zh-CN.md"),
        !self && TRANSLATED.has(`${target}.zh-CN.md`),
        `${file}: ${link}`,
      );
    }
  }
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
      const titles = Array.from(read(target).matchAll(/^#+ (.+)$/gm), ([, title]) => title!);
      const sections = titles.map(sectionId);
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
  for (const [document, markdown] of [...DOCUMENTS, ...PROGRAMS.map(introductionOf)]) {
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

Deno.test("the drawings of the architecture name functions that their files have", () => {
  let file = "";
  let checked = 0;
  for (
    const line of read("docs/architecture.md").split("\n").filter((line) => !/^[|#]/.test(line))
  ) {
    const [, path, after] = /((?:net|http|ws|tools|examples)\/[\w/]+\.ts) *(.*)$/.exec(line) ?? [];
    file = path ?? (/^ {30}/.test(line) ? file : "");
    const [, names] = /^((?:#?\w+(?:, )?)+): /.exec((path ? after! : line).trim()) ?? [];
    if (file === "" || names === undefined) continue;
    for (const name of names.split(", ")) {
      const found = new RegExp(`(?<![\\w#])${name}\\b`).test(read(file));
      assert(found, `docs/architecture.md: ${file} has no ${name}`);
      checked++;
    }
  }
  assert(checked > 20, `only ${checked} functions were found`);
});

Deno.test("docs/modules.md names every module of the library", () => {
  const spans = new Set(commands(read("docs/modules.md")));
  for (const subpath of Object.keys(EXPORTS)) {
    if (/^\.\/(net|http|ws|tools)\//.test(subpath)) {
      assert(spans.has(subpath.slice(2)), `docs/modules.md does not name ${subpath.slice(2)}`);
    }
  }
});

Deno.test("docs/programs.md names every program with its task and its exact permissions", () => {
  for (const file of PROGRAMS) {
    const name = taskOf(file);
    assert(TASKS.has(name), `${file} has no task`);
    const flags = PERMISSION_FLAGS.get(name);
    assert(flags !== undefined, `${file} has no permission set`);
    for (const page of ["docs/programs.md", "docs/programs.zh-CN.md"]) {
      const row = tableRows(read(page)).find(([first = ""]) => first.includes(`\`${file}\``));
      assert(row !== undefined, `${page} has no row for ${file}`);
      assertEquals(
        row.join(" ").match(/--allow-[^\s`]+/g)?.toSorted() ?? [],
        flags.toSorted(),
        `${page}: ${file}`,
      );
    }
  }
});

Deno.test("the table of the README has every program, and modules and functions that exist", async () => {
  const rows = tableRows(ENGLISH).slice(1);
  const spansOf = (cell = "") => Array.from(cell.matchAll(/`([^`]+)`/g), ([, span]) => span!);
  const tasks = new Set(rows.flatMap(([, task]) => spansOf(task)));
  for (const task of tasks) assert(TASKS.has(task), `There is no task ${task}`);
  for (const file of PROGRAMS) assert(tasks.has(taskOf(file)), `The README has no row for ${file}`);
  const library = new Set(Object.keys(await import("../mod.ts")));
  for (const span of rows.flatMap(([, , names]) => spansOf(names))) {
    const known = library.has(span) || `./${span}` in EXPORTS;
    assert(known, `${span} is neither a module nor a function of the library`);
  }
});

Deno.test("the READMEs are short, and start with a picture, two commands, a server and a client", () => {
  for (const markdown of [ENGLISH, CHINESE]) {
    const lines = markdown.split("\n");
    assert(lines.length < 150, `a README has ${lines.length} lines`);
    const at = (text: string) => {
      const index = lines.findIndex((line) => line.includes(text));
      assert(index !== -1, `a README has no ${text}`);
      return index;
    };
    const order = ['<img src="docs/chat.png"', "deno run -A", "serveTcp(", "connectTcp("].map(at);
    assertEquals(order, order.toSorted((a, b) => a - b));
    assert(order.at(-1)! < 45, "the client is not on the first screen");
  }
});

Deno.test("the README begins with the two commands that run everything on Node alone", () => {
  const [first = ""] = codeBlocks(ENGLISH);
  assertStringIncludes(first, "npx --yes deno run -A examples/chat.ts");
  assertStringIncludes(first, "npx --yes deno task test");
});
