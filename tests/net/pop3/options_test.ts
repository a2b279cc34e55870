import {
  connectPop3,
  type ConnectPop3Options,
  type TopAllOptions,
} from "../../../net/pop3/client.ts";
import { checkEveryOption } from "../../_support/options.ts";
import { lineServer } from "../../_support/line_server.ts";
import { MAIL_LOGIN } from "../../_support/mail_options.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";

const signal = AbortSignal.abort();

Deno.test("connectPop3() checks every option", async () => {
  await checkEveryOption<ConnectPop3Options>(
    "connectPop3",
    { ...MAIL_LOGIN, utf8: "none" },
    (options) => connectPop3({ username: "ann", password: "secret", signal, ...options }),
  );
});

Deno.test("the methods of Pop3Client check their arguments before they send anything", async () => {
  await using server = lineServer("+OK\r\n", (line) => line === "CAPA" ? "-ERR\r\n" : "+OK\r\n");
  await using mail = await connectPop3({ port: server.port, tls: "none" });
  await checkEveryOption<{ maxSize?: number }>(
    "retrieveAll",
    { maxSize: "count" },
    (options) => void mail.retrieveAll([], options),
  );
  await checkEveryOption<TopAllOptions>(
    "topAll",
    { maxSize: "count", lines: "none" },
    (options) => void mail.topAll([], options),
  );
  await checkEveryOption<{ multiline?: boolean }>(
    "command",
    { multiline: "none" },
    (options) => mail.command("XTND", options),
  );
  assertThrows(() => mail.retrieveAll([0]), RangeError, "numbers[0] must be");
  assertThrows(() => mail.topAll([1, 1.5]), RangeError, "numbers[1] must be");
  await assertRejects(() => mail.deleteAll([0]), RangeError, "numbers[0] must be");
  await assertRejects(() => mail.setLanguage("a b"), TypeError, "tag must be");
  await assertRejects(() => mail.top(1, -1), RangeError, "lines must be");
  await assertRejects(() => mail.command(""), TypeError, "line must be");
  await assertRejects(() => mail.login({}), TypeError, "username must be");
  await assertRejects(
    () => mail.login({ username: "a" }, "NTLM" as never),
    TypeError,
    "mechanism must",
  );
  assertEquals(server.heard, ["CAPA"]);
});

Deno.test("close() ends a session without deleting messages", async () => {
  await using server = lineServer("+OK\r\n", (line) => line === "CAPA" ? "-ERR\r\n" : "+OK\r\n");
  const mail = await connectPop3({ port: server.port, tls: "none" });
  await mail.delete(1);
  await mail.close();
  await mail.close();
  assertEquals(server.heard, ["CAPA", "DELE 1", "RSET", "QUIT"]);
});
