import { connectImap } from "../../../net/imap/client.ts";
import { type ImapSearch, imapSearch } from "../../../net/imap/codec.ts";
import type {
  ConnectImapOptions,
  ImapAppendOptions,
  ImapExpungeOptions,
  ImapFetch,
  ImapIdleOptions,
  ImapListOptions,
  ImapSelectOptions,
  ImapStatusOptions,
  ImapStoreOptions,
  WatchImapOptions,
} from "../../../net/imap/options.ts";
import { watchImap } from "../../../net/imap/watch.ts";
import { checkEveryOption } from "../../_support/options.ts";
import { scriptedImap } from "../../_support/imap_script.ts";
import { lineServer } from "../../_support/line_server.ts";
import { MAIL_LOGIN } from "../../_support/mail_options.ts";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";

const signal = AbortSignal.abort();
const CONNECT = {
  ...MAIL_LOGIN,
  maxLiteral: "count",
  commandTimeout: "time",
  maxResponse: "count",
  id: "none",
  onEvent: "none",
  onInvalid: "none",
  onAlert: "none",
} as const;

Deno.test("connectImap() and watchImap() check every option", async () => {
  await checkEveryOption<ConnectImapOptions>(
    "connectImap",
    CONNECT,
    (options) => connectImap({ username: "ann", password: "secret", signal, ...options }),
  );
  await checkEveryOption<ConnectImapOptions>(
    "watchImap",
    CONNECT,
    (options) => void watchImap({ username: "ann", password: "secret", ...options }, "INBOX"),
  );
  assertThrows(
    () => watchImap(undefined as never, "INBOX"),
    TypeError,
    "the options of watchImap must be an object, got undefined",
  );
  await checkEveryOption<WatchImapOptions>("watchImap", {
    signal: "none",
    renew: "time",
    poll: "time",
    minTimeout: "time",
    maxTimeout: "time",
    onLost: "none",
  }, (settings) => void watchImap({}, "INBOX", settings));
});

Deno.test("imapSearch() checks every criterion", async () => {
  await checkEveryOption<ImapSearch>("search", {
    seen: "none",
    answered: "none",
    flagged: "none",
    deleted: "none",
    draft: "none",
    keyword: "text",
    from: "text",
    to: "text",
    cc: "text",
    bcc: "text",
    subject: "text",
    body: "text",
    text: "text",
    header: "none",
    since: "none",
    before: "none",
    on: "none",
    sentSince: "none",
    sentBefore: "none",
    sentOn: "none",
    larger: "integer",
    smaller: "integer",
    uids: "none",
    modSeq: "none",
    emailId: "none",
    threadId: "none",
    gmailRaw: "text",
    not: "none",
    or: "none",
  }, (search) => void imapSearch(search));
  assertThrows(() => imapSearch({ since: new Date(NaN) }), TypeError, "since must be a valid Date");
  assertThrows(
    () => imapSearch({ or: [{}, { not: { larger: -1 } }] }),
    RangeError,
    "or[1].not.larger must be an integer",
  );
  assertThrows(
    () => imapSearch({ not: { sene: true } as never }),
    TypeError,
    'did you mean "seen"',
  );
});

Deno.test("the methods of ImapClient check their arguments before they send anything", async () => {
  await using server = lineServer("* OK\r\n", (line) => `${line.split(" ")[0]} OK\r\n`);
  await using mail = await connectImap({ port: server.port, tls: "none" });
  const { length } = server.heard;
  await checkEveryOption<ImapIdleOptions>(
    "idle",
    { signal: "none", renew: "time", poll: "time" },
    (options) => void mail.idle(options),
  );
  const bad = (options: unknown) => () => mail.append("INBOX", "x", options as ImapAppendOptions);
  await assertRejects(bad({ size: -1 }), RangeError, "size must be");
  await assertRejects(bad({ internalDate: 1 }), RangeError, "internalDate must be a valid Date");
  await assertRejects(bad({ flag: [] }), TypeError, 'did you mean "flags"');
  const items = (wanted: unknown) => () => mail.fetch(1, wanted as ImapFetch);
  await assertRejects(items({ envelope: 1 }), RangeError, "envelope must be true or false");
  await assertRejects(items({ sections: [1] }), RangeError, "sections[0] must be a string");
  await assertRejects(items({ header: true }), TypeError, 'fetch has no option "header"');
  await assertRejects(() => mail.store(1, "toggle" as never, []), TypeError, "change must be");
  await assertRejects(() => mail.message(1.5), RangeError, "uid must be");
  await assertRejects(() => mail.command(""), TypeError, "line must be");
  await assertRejects(
    () => mail.login({ username: "a" }, "NTLM" as never),
    TypeError,
    "mechanism must",
  );
  assertEquals(server.heard.length, length);
});

Deno.test("the commands for folders and extensions check their options before they send anything", async () => {
  await using server = await scriptedImap("QRESYNC");
  const { mail, sent } = server;
  await checkEveryOption<ImapStatusOptions>(
    "status",
    { size: "none", modSeq: "none" },
    (options) => mail.status("a", options),
  );
  await checkEveryOption<ImapListOptions>(
    "list",
    { specialUse: "none", status: "none" },
    (options) => mail.list("*", "", options),
  );
  await checkEveryOption<ImapSelectOptions>(
    "select",
    { condstore: "none", resync: "none" },
    (options) => mail.select("a", options),
  );
  await checkEveryOption<ImapStoreOptions>(
    "store",
    { unchangedSince: "none" },
    (options) => mail.store(1, "add", [], options),
  );
  await checkEveryOption<ImapExpungeOptions>(
    "expunge",
    { others: "none" },
    (options) => mail.expunge(1, options),
  );
  const resync = { uidValidity: 1, modSeq: 1n };
  for (const bad of [{ uidValidity: 0 }, { modSeq: 1 as never }, { uids: "x" }]) {
    await assertRejects(
      () => mail.select("a", { resync: { ...resync, ...bad } }),
      Error,
      "must be",
    );
  }
  assertEquals(sent, []);
});
