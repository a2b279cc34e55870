import { assertEquals, assertRejects } from "@std/assert";
import { routeOf } from "../../../examples/http/route.ts";
import { CliError } from "../../../tools/cli.ts";

const NONE = { ca: [], cert: undefined, key: undefined, pin: [] };

Deno.test("routeOf() takes a proxy with and without a scheme, and none", async () => {
  const rows: [proxy: string, expected: string | false][] = [
    ["none", false],
    ["127.0.0.1:3128", "http://127.0.0.1:3128"],
    ["u:p@a.test:1", "http://u:p@a.test:1"],
    ["https://a.test", "https://a.test"],
    ["socks5h://a.test:1080", "socks5h://a.test:1080"],
  ];
  for (const [proxy, expected] of rows) {
    assertEquals(await routeOf({ ...NONE, proxy }), { caCerts: [], proxy: expected });
  }
  assertEquals(await routeOf({ ...NONE, unixSocket: "/s" }), { caCerts: [], unixSocket: "/s" });
});

Deno.test("routeOf() rejects flags that do not fit, and shows no password", async () => {
  const rows: [values: Partial<Parameters<typeof routeOf>[0]>, says: string][] = [
    [{ cert: "a.pem" }, "--cert and --key go together"],
    [{ key: "a.pem" }, "--cert and --key go together"],
    [{ pin: ["x"] }, 'Bad value for --pin: "x"'],
    [{ proxy: "a", unixSocket: "/s" }, "--unix-socket and --proxy exclude each other"],
    [{ proxy: "http://" }, 'Bad value for --proxy: "http://"'],
    [{ proxy: "ftp://a:secret@b" }, 'Bad value for --proxy: "…"'],
  ];
  for (const [values, says] of rows) {
    const error = await assertRejects(() => routeOf({ ...NONE, ...values }), CliError, says);
    assertEquals(error.message.includes("secret"), false);
  }
});
