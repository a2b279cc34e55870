import { connectSmtp } from "../../../net/smtp/client.ts";
import type {
  ConnectSmtpOptions,
  PoolSendOptions,
  SendMailOptions,
  SmtpPoolOptions,
} from "../../../net/smtp/options.ts";
import { SmtpPool } from "../../../net/smtp/pool.ts";
import { checkEveryOption } from "../../_support/options.ts";
import { MAIL_LOGIN } from "../../_support/mail_options.ts";
import { post } from "../../_support/smtp_server.ts";
import { assertRejects, assertThrows } from "@std/assert";

const ENVELOPE = { from: "ann@a.test", to: ["bob@b.test"] };
const signal = AbortSignal.abort();

/** The options of a session that other clients do not have. */
const SESSION = {
  localName: "text",
  protocol: "none",
  timeouts: "none",
  finalTimeout: "time",
  maxRecipients: "count",
} as const;

/** The options of a message that can be sent again. */
const REPEATABLE = {
  notify: "none",
  returnContent: "none",
  envelopeId: "text",
  requireTls: "none",
  transfer: "none",
  parameters: "none",
  signal: "none",
} as const;

Deno.test("connectSmtp() checks every option", async () => {
  await checkEveryOption<ConnectSmtpOptions>(
    "connectSmtp",
    { ...MAIL_LOGIN, ...SESSION },
    (options) => connectSmtp({ username: "ann", password: "secret", signal, ...options }),
  );
});

Deno.test("SmtpPool checks every option when it is made", async () => {
  const { connection: _, ...login } = MAIL_LOGIN;
  await checkEveryOption<SmtpPoolOptions>("SmtpPool", {
    ...login,
    ...SESSION,
    maxConnections: "count",
    maxMessages: "count",
    rate: "number",
    maxWaiting: "count",
    maxAttempts: "count",
    minTimeout: "time",
  }, (options) => void new SmtpPool({ username: "ann", password: "secret", ...options }));
  assertThrows(() => new SmtpPool({ password: "x" }), TypeError, "password requires username");
});

Deno.test("send() checks its arguments before it sends anything", async () => {
  await using server = post();
  await using mail = await connectSmtp({ port: server.port, tls: "none" });
  await using pool = new SmtpPool({ port: server.port, tls: "none" });
  await checkEveryOption<SendMailOptions>(
    "send",
    { size: "integer", ...REPEATABLE },
    (options) => mail.send(ENVELOPE, "x", { signal, ...options }),
  );
  await checkEveryOption<PoolSendOptions>(
    "send",
    REPEATABLE,
    (options) => pool.send(ENVELOPE, "x", { signal, ...options }),
  );
  for (const sender of [mail, pool]) {
    await assertRejects(() => sender.send({} as never, "x"), TypeError, "from must be");
    await assertRejects(() => sender.send({ from: "", to: [] }, "x"), TypeError, "at least one");
    const to = "bob@b.test" as never;
    await assertRejects(() => sender.send({ from: "", to }, "x"), TypeError, "to must be an array");
  }
  await assertRejects(
    () => mail.login({ username: "a" }, "NTLM" as never),
    TypeError,
    "mechanism must",
  );
  await assertRejects(() => mail.command("a\r\nb"), TypeError, "line must be");
});
