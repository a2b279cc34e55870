import { assertEquals, assertStringIncludes } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import plugin from "../.lint/house_style.ts";

/** Lints a source as if it stood at this path of the repo; gives `rule: message` of each finding. */
function lint(path: string, source: string): string[] {
  const filename = decodeURIComponent(new URL(`../${path}`, import.meta.url).pathname);
  return Deno.lint.runPlugin(plugin, filename, source).map(({ id, message }) =>
    `${id.replace("portside/", "")}: ${message}`
  );
}

/** The same for sources that only matter for whether they are found wanting. */
function rulesBroken(path: string, source: string): string[] {
  return lint(path, source).map((finding) => finding.slice(0, finding.indexOf(":")));
}

Deno.test("the house style is part of deno lint", () => {
  assertEquals(config.lint.plugins, ["./.lint/house_style.ts"]);
});

Deno.test("import-direction lets a floor import itself and what is below", () => {
  assertEquals(lint("net/tcp/client.ts", 'import { a } from "../errors/errors.ts";'), []);
  assertEquals(
    lint("http/client/client.ts", 'import { a } from "../../net/errors/errors.ts";'),
    [],
  );
  assertEquals(lint("ws/server/server.ts", 'export * from "../../http/mod.ts";'), []);
  assertEquals(
    lint("tools/cli.ts", 'import config from "../deno.json" with { type: "json" };'),
    [],
  );
  assertEquals(lint("examples/chat/web.ts", 'import { a } from "../../tools/cli.ts";'), []);
  assertEquals(lint("tests/examples/chat_test.ts", 'import "../../examples/chat.ts";'), []);
  assertEquals(lint("mod.ts", 'export * from "./net/mod.ts";'), []);
});

Deno.test("import-direction refuses what is above, in every way to import", () => {
  const ways = [
    'import { a } from "../tools/cli.ts";',
    'import type { A } from "../tools/cli.ts";',
    'export { a } from "../tools/cli.ts";',
    'export * from "../tools/cli.ts";',
    'const a = await import("../tools/cli.ts");',
    'import { a } from "@portside/kit/tools/cli";',
    'import { a } from "../tools/cli.ts";',
  ];
  for (const way of ways) {
    const [finding, ...others] = lint("net/a.ts", way);
    assertStringIncludes(finding ?? "", "import-direction: net must not import tools");
    assertEquals(others, []);
  }
  assertEquals(rulesBroken("net/a.ts", 'import "../http/a.ts";'), ["import-direction"]);
  assertEquals(rulesBroken("http/a.ts", 'import "../ws/a.ts";'), ["import-direction"]);
  assertEquals(rulesBroken("tools/a.ts", 'import "../examples/a.ts";'), ["import-direction"]);
  assertEquals(rulesBroken("examples/chat/a.ts", 'import "../../tests/a.ts";'), [
    "import-direction",
  ]);
});

Deno.test("import-direction keeps the library off the package's root", () => {
  assertEquals(rulesBroken("net/a.ts", 'import "../mod.ts";'), ["import-direction"]);
  assertEquals(rulesBroken("tools/a.ts", 'import "@portside/kit";'), ["import-direction"]);
  assertEquals(rulesBroken("examples/a.ts", 'import "../mod.ts";'), []);
});

Deno.test("checked-options wants the copy of checked options to be used", () => {
  const source = (statement: string) => `function f(options) { ${statement} }`;
  assertEquals(lint("net/a.ts", source('SERVE.check("f", options);')), [
    "checked-options: The result of SERVE.check() must be used",
  ]);
  assertEquals(rulesBroken("net/a.ts", source('SERVE_TCP.checkGiven("f", options);')), [
    "checked-options",
  ]);
  for (
    const statement of [
      'options = SERVE.check("f", options);',
      'const { timeout = 0 } = SERVE.check("f", options);',
      'return SERVE.check("f", options);',
      'SERVE.checkBriefly("f", options);',
      "list.check(options);",
    ]
  ) assertEquals(lint("net/a.ts", source(statement)), [], statement);
});

Deno.test("private-import keeps _name.ts in its folder", () => {
  assertEquals(lint("net/tls/client.ts", 'import { a } from "./_handshake.ts";'), []);
  assertEquals(lint("http/proxy/reverse/a.ts", 'import { a } from "../_peer.ts";'), []);
  assertEquals(lint("tools/scan.ts", 'import { a } from "./scan/_scheduler.ts";'), []);
  assertEquals(lint("tests/net/a_test.ts", 'import { a } from "../_support/peers.ts";'), []);
  assertEquals(lint("tests/net/a_test.ts", 'import { a } from "../../net/_server.ts";'), [
    "private-import: _server.ts is private to net/",
  ]);
  assertEquals(rulesBroken("http/a.ts", 'export * from "../net/tls/_handshake.ts";'), [
    "private-import",
  ]);
  assertEquals(rulesBroken("examples/chat.ts", 'import "./ftp/_words.ts";'), ["private-import"]);
});

Deno.test("import-cycle refuses an import that leads back to its file", () => {
  // The files on the disk are part of the test: errors.ts imports kinds.ts.
  for (
    const way of [
      'import { NetError } from "./errors.ts";',
      'import type { NetError } from "./errors.ts";',
      'export * from "./errors.ts";',
      'type Module = typeof import("./errors.ts");\nawait import("./errors.ts");',
    ]
  ) {
    assertEquals(lint("net/errors/kinds.ts", `import "./reply_error.ts";\n${way}`), [
      "import-cycle: Import cycle: " +
      "net/errors/kinds.ts → net/errors/errors.ts → net/errors/kinds.ts",
    ]);
  }
  assertEquals(rulesBroken("net/errors/kinds.ts", 'import "./kinds.ts";'), ["import-cycle"]);
  // Through several files.
  assertEquals(rulesBroken("net/text.ts", 'import "./tcp/mod.ts";'), ["import-cycle"]);
  assertEquals(lint("net/errors/kinds.ts", 'import "./no_such_file.ts";'), []);
});

Deno.test("pure-codec refuses I/O, the clock and randomness in a codec", () => {
  const impure = [
    "Deno.readFileSync('a');",
    "export function f(a: Deno.Addr) { return a; }",
    "fetch('http://a');",
    "Date.now();",
    "new Date();",
    "Date();",
    "performance.now();",
    "setTimeout(() => {}, 1);",
    "Math.random();",
    "crypto.randomUUID();",
    "crypto.getRandomValues(new Uint8Array(1));",
    "console.log(1);",
    "const a = { fetch };",
    "const a = options[crypto];",
    "import { createHash } from 'node:crypto';",
    "import { readFileSync } from 'node:fs';",
  ];
  for (const source of impure) {
    assertEquals(rulesBroken("net/connection/line_codec.ts", source), ["pure-codec"], source);
    assertEquals(rulesBroken("net/tcp/client.ts", source), [], source);
  }
});

Deno.test("pure-codec leaves alone what only bears such a name", () => {
  const pure = [
    "new Date(0).getTime();",
    "Date.UTC(2026, 0);",
    "export function f(at: Date) { return at.getTime(); }",
    "Math.max(1, 2);",
    "options.fetch(1);",
    "const a = { fetch: 1, crypto() {} };",
    "interface A { performance: number; fetch(): void }",
    "class A { fetch = 1; console() {} }",
    "import { Buffer } from 'node:buffer';",
  ];
  for (const source of pure) assertEquals(lint("net/connection/line_codec.ts", source), [], source);
});

Deno.test("exported-function wants function at the top level of a module", () => {
  assertEquals(lint("net/a.ts", "export const serve = () => {};"), [
    "exported-function: An exported function must be declared with the function keyword: serve",
  ]);
  assertEquals(rulesBroken("net/a.ts", "export const a = 1, b = function () {};"), [
    "exported-function",
  ]);
  assertEquals(lint("net/a.ts", "export function serve() {}"), []);
  assertEquals(lint("net/a.ts", "const helper = () => {};"), []);
  assertEquals(lint("net/a.ts", "export const limits = { check: () => {} };"), []);
});

Deno.test("example-length counts what stands below the introduction", () => {
  const introduction = "#!/usr/bin/env -S deno run\n/**\n * One\n * two.\n */\n\n";
  const body = (lines: number) => "console.log(1);\n".repeat(lines);
  assertEquals(lint("examples/a.ts", introduction + body(80)), []);
  assertEquals(lint("examples/a.ts", introduction + body(81)), [
    "example-length: An example has at most 80 lines below its introduction: 81",
  ]);
  assertEquals(rulesBroken("examples/a.ts", body(81)), ["example-length"]);
  assertEquals(lint("examples/chat/lobby.ts", body(200)), []);
  assertEquals(lint("net/a.ts", body(200)), []);
});

Deno.test("doc-tag wants four words at @param and @returns", () => {
  const doc = (...lines: string[]) => `/**\n * ${lines.join("\n * ")}\n */\nfunction f() {}`;
  assertEquals(lint("net/a.ts", doc("@param credentials Who.")), [
    'doc-tag: @param credentials has fewer than 4 words: "Who"',
  ]);
  assertEquals(
    lint("net/a.ts", doc("@returns The `a b c d`.", "@example", "four words are here")),
    [
      'doc-tag: @returns has fewer than 4 words: "The `a_b_c_d`"',
    ],
  );
  assertEquals(lint("net/a.ts", doc("@param a", "@param b – two words")), [
    'doc-tag: @param a has fewer than 4 words: ""',
    'doc-tag: @param b has fewer than 4 words: "two words"',
  ]);
  assertEquals(
    lint(
      "net/a.ts",
      doc("@param a The port that", "the server listens on", "@returns Always at least one"),
    ),
    [],
  );
  assertEquals(lint("net/a.ts", "/** @returns Nothing. */ function f() {}"), [
    'doc-tag: @returns has fewer than 4 words: "Nothing"',
  ]);
  assertEquals(lint("tests/net/a_test.ts", doc("@param credentials Who.")), []);
});

Deno.test("doc-sentence wants a verb in the third person at functions and methods", () => {
  const broken = (source: string) => rulesBroken("net/a.ts", source);
  for (const text of ["Returns the port.", "Starts a server.", "Limits the rate.\n@example ``"]) {
    assertEquals(broken(`/** ${text} */\nexport function f() {}`), [], text);
    assertEquals(broken(`export class A {\n /** ${text} */\n m() {}\n}`), [], text);
    assertEquals(broken(`export interface A {\n /** ${text} */\n m(): void\n}`), [], text);
  }
  const labels = [
    "The port.",
    "Return it.",
    "What is sent.",
    "Bytes that arrived.",
    "Its port.",
    "So",
    "Limits of a peer.",
    "`port` as text.",
    "waits",
  ];
  for (const text of labels) {
    const found = ["doc-sentence"];
    assertEquals(broken(`/** ${text} */\nexport function f() {}`), found, text);
    assertEquals(broken(`/** ${text} */\nexport default function () {}`), found, text);
    assertEquals(broken(`export class A {\n /** ${text} */\n static async m() {}\n}`), found, text);
    assertEquals(
      broken(`export abstract class A {\n /** ${text} */\n abstract m(): void;\n}`),
      found,
    );
    assertEquals(broken(`export interface A {\n /** ${text} */\n m(): void\n}`), found, text);
    // What users do not see.
    assertEquals(broken(`/** ${text} */\nfunction f() {}`), [], text);
    assertEquals(broken(`export class A {\n /** ${text} */\n #m() {}\n}`), [], text);
    assertEquals(broken(`export class A {\n /** ${text} */\n private m() {}\n}`), [], text);
    assertEquals(broken(`/**\n * ${text}\n * @module\n */\nexport function f() {}`), [], text);
    assertEquals(rulesBroken("tests/a.ts", `/** ${text} */\nexport function f() {}`), []);
  }
  assertEquals(lint("net/a.ts", "/** What is sent. */\nexport function f() {}"), [
    "doc-sentence: The description of f must begin with a verb in the third person: What",
  ]);
});

Deno.test("doc-sentence lets no riddle describe a type, a value or a property", () => {
  const broken = (source: string) => rulesBroken("net/a.ts", source);
  const things = (text: string) => [
    `/** ${text} */\nexport class A {}`,
    `/** ${text} */\nexport interface A {}`,
    `/** ${text} */\nexport type A = string;`,
    `/** ${text} */\nexport const a = 1;`,
    `export interface A {\n /** ${text} */\n a: string\n}`,
    `export type A = {\n /** ${text} */\n a: string\n};`,
    `export class A {\n /** ${text} */\n readonly a = 1;\n}`,
    `export class A {\n /** ${text} */\n get a() { return 1; }\n}`,
  ];
  for (
    const text of ["The port.", "A server.", "Maximum size.", "Listens on a port.", "@default {1}"]
  ) {
    for (const source of things(text)) assertEquals(broken(source), [], source);
  }
  for (const text of ["What is sent.", "Who sent it.", "How long to wait.", "So that all fits."]) {
    for (const source of things(text)) assertEquals(broken(source), ["doc-sentence"], source);
  }
  // The usual words for a property that is true or false, and for nothing else.
  assertEquals(
    things("Whether it is open.").map((source) => broken(source).length),
    [1, 1, 1, 1, 0, 0, 0, 0],
  );
});
