import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  bodyOf,
  checkUrl,
  credentials,
  pairs,
  shownUrl,
  targetOf,
} from "../../../examples/http/arguments.ts";
import { CliError } from "../../../tools/cli.ts";
import { temporaryFolder } from "../../_support/repository.ts";

Deno.test("targetOf() reads a method and a URL, or a URL alone", () => {
  const rows: [args: [string, string?], method: string, url: string][] = [
    [["a.test/x"], "GET", "http://a.test/x"],
    [[":8080/x"], "GET", "http://127.0.0.1:8080/x"],
    [["put", "HTTPS://a.test/"], "PUT", "HTTPS://a.test/"],
    // Other methods are case-sensitive (RFC 9110, 9.1).
    [["Lock", "a.test"], "Lock", "http://a.test"],
  ];
  for (const [args, method, url] of rows) assertEquals(targetOf(...args), { method, url });
  assertEquals(targetOf("a.test", undefined, { hasBody: true }).method, "POST");
  assertEquals(targetOf("a.test", undefined, { hasBody: true, request: "put" }).method, "PUT");
});

Deno.test("checkUrl() accepts URLs of HTTP alone, and shows no credentials", () => {
  checkUrl("https://u:secret@a.test/");
  for (const url of ["http://", "ftp://a.test/", "mailto:a@b.test"]) {
    const shown = url.includes("@") ? "…" : url;
    assertThrows(() => checkUrl(url), CliError, `Bad value for url: "${shown}"`);
  }
});

Deno.test("shownUrl() leaves out credentials, and changes nothing else", () => {
  assertEquals(shownUrl("http://A.test/%7e"), "http://A.test/%7e");
  for (const login of ["u:secret", "u", ":secret"]) {
    assertEquals(shownUrl(`http://${login}@a.test/x`), "http://a.test/x");
  }
});

Deno.test("pairs() splits fields and headers, and names the form that it expects", () => {
  assertEquals(pairs("param", ["a=b=c", "d="]), [["a", "b=c"], ["d", ""]]);
  const says: [flag: string, text: string, part: string][] = [
    ["param", "a", 'Bad value for --param: "a" (expected name=value)'],
    ["header", "a", 'Bad value for --header: "a" (expected name: value)'],
  ];
  for (const [flag, text, part] of says) {
    assertThrows(() => pairs(flag, [text]), CliError, part);
  }
});

Deno.test("bodyOf() accepts one kind of body, and checks files before it sends", async () => {
  await using folder = await temporaryFolder();
  const none = { data: undefined, form: [], upload: [], body: undefined };
  assertEquals(await bodyOf(none), {});
  assertEquals(await bodyOf({ ...none, form: ["a=1", "a=2"] }), { form: [["a", "1"], ["a", "2"]] });
  assertEquals(await bodyOf({ ...none, body: "-" }), { body: Deno.stdin.readable });
  const refused: [values: Partial<Parameters<typeof bodyOf>[0]>, part: string][] = [
    [{ body: "a", form: ["a=1"] }, "one of --data, --form, --upload and --body"],
    [{ data: "1", upload: ["a=b"] }, "one of --data, --form, --upload and --body"],
    [{ data: "{" }, 'Bad value for --data: "{" (expected JSON)'],
    [{ data: "@a" }, "(expected JSON; --body sends a file)"],
    [{ upload: [`a=${folder.path}`] }, "(expected a file)"],
  ];
  for (const [values, part] of refused) {
    await assertRejects(() => bodyOf({ ...none, ...values }), CliError, part);
  }
});

Deno.test("credentials() rejects what no header can hold, and shows no secret", async () => {
  const none = {
    user: undefined,
    userFile: undefined,
    digest: false,
    bearer: undefined,
    bearerFile: undefined,
  };
  const refused: [
    values: Partial<typeof none | Record<"user" | "bearer", string>>,
    says: string,
  ][] = [
    [{ bearer: "a secret" }, 'Bad value for --bearer: "…" (expected a token without blanks)'],
    [{ user: "secret" }, 'Bad value for --user: "…" (expected name:password)'],
    [{ user: "u:secret", bearer: "b" }, 'Bad value for --bearer: "…" (expected no --user with it)'],
  ];
  for (const [values, says] of refused) {
    const error = await assertRejects(() => credentials({ ...none, ...values }), CliError);
    assertEquals(error.message, says);
  }
  assertEquals(await credentials({ ...none, user: "u:a:b" }), {
    username: "u",
    password: "a:b",
    scheme: "basic",
  });
});
