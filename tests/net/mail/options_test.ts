import { startSasl } from "../../../net/mail/sasl.ts";
import type { SaslChoice, SaslCredentials } from "../../../net/mail/options.ts";
import { connectFtp } from "../../../net/ftp/client.ts";
import { connectImap } from "../../../net/imap/client.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { checkEveryOption } from "../../_support/options.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

const ANN = { username: "ann", password: "secret" };
const CLIENTS = { connectFtp, connectImap, connectPop3, connectSmtp };

Deno.test("startSasl() checks its arguments", async () => {
  await checkEveryOption<SaslChoice>("startSasl", {
    encrypted: "none",
    allowPlaintext: "none",
    mechanism: "none",
    nonce: "text",
  }, (choice) => startSasl(["PLAIN"], ANN, { encrypted: true, ...choice }));
  await checkEveryOption<SaslCredentials>("startSasl", {
    username: "text",
    user: "text",
    password: "text",
    accessToken: "text",
    authorizationId: "text",
  }, (credentials) => startSasl(["PLAIN"], { ...ANN, ...credentials }, { encrypted: true }));
  const choice = { encrypted: true };
  assertThrows(() => startSasl(["PLAIN"], {}, choice), TypeError, "username must be");
  assertThrows(() => startSasl("PLAIN" as never, ANN, choice), TypeError, "offered must be");
});

Deno.test("user is the former name of username", () => {
  const initial = (credentials: SaslCredentials) =>
    startSasl(["PLAIN"], { ...credentials, password: "x" }, { encrypted: true }).initial;
  assertEquals(initial({ user: "ann" }), initial({ username: "ann" }));
});

Deno.test("an error about a secret does not show it", async () => {
  for (const [name, connect] of Object.entries(CLIENTS)) {
    for (const password of ["hunter2\r\n", 82719 as never]) {
      const error = await assertRejects(
        () => connect({ username: "ann", password, signal: AbortSignal.abort() }),
        Error,
        "password must be",
      );
      assert(!/hunter2|82719/.test(error.message), `${name}: ${error.message}`);
    }
  }
});

Deno.test("a password without a user name is a TypeError, and the reverse", async () => {
  const signal = AbortSignal.abort();
  for (const connect of Object.values(CLIENTS)) {
    const noName = () => connect({ password: "secret", signal });
    await assertRejects(noName, TypeError, "password requires username");
    const noPassword = () => connect({ username: "ann", signal });
    await assertRejects(noPassword, TypeError, "username requires password");
  }
});

Deno.test("a signal that aborts while the greeting is awaited rejects with its reason", async () => {
  let reached = Promise.withResolvers<void>();
  await using server = serveTcp({}, async (conn) => {
    reached.resolve();
    // A read notices the end of the connection.
    await conn.readChunk().catch(() => {});
  });
  for (const [name, connect] of Object.entries(CLIENTS)) {
    for (const reason of [new DOMException("late", "TimeoutError"), new Error("enough")]) {
      reached = Promise.withResolvers<void>();
      const stop = new AbortController();
      const connecting = connect({ port: server.addr.port, tls: "none", signal: stop.signal });
      const failure = connecting.then(() => undefined, (error: unknown) => error);
      await reached.promise;
      stop.abort(reason);
      assertEquals(await failure, reason, name);
    }
  }
});
