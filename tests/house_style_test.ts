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

Deno.test("private-import keeps _name.ts in its folder", () => {
  assertEquals(lint("net/tls/client.ts", 'import { a } from "./_handshake.ts";'), []);
  assertEquals(lint("http/proxy/reverse/a.ts", 'import { a } from "../_peer.ts";'), []);
  assertEquals(lint("tools/scan.ts", 'import { a } from "./scan/_engine.ts";'), []);
  assertEquals(lint("tests/net/a_test.ts", 'import { a } from "../_support/peers.ts";'), []);
  assertEquals(lint("tests/net/a_test.ts", 'import { a } from "../../net/_server.ts";'), [
    "private-import: _server.ts is private to net/",
  ]);
  assertEquals(rulesBroken("http/a.ts", 'export * from "../net/tls/_handshake.ts";'), [
    "private-import",
  ]);
  assertEquals(rulesBroken("examples/chat.ts", 'import "./ftp/_words.ts";'), ["private-import"]);
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
  assertEquals(lint("examples/chat/room.ts", body(200)), []);
  assertEquals(lint("net/a.ts", body(200)), []);
});
