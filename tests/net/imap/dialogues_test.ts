/** The dialogues of `_dialogues.ts`, each as it is and in random variations. */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { memoryPair } from "../../../net/connection/memory_pair.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { connectImap } from "../../../net/imap/client.ts";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { bytesOf, DEEDS } from "./_deeds.ts";
import { type Row, ROWS } from "./_dialogues.ts";

const CAPABILITIES = "IMAP4rev1 UIDPLUS MOVE";

/** A session with a server that answers the command of a deed by `says`, and may end then. */
async function session(says: string | undefined, cut = Infinity, isLast = false) {
  const [near, far] = memoryPair();
  let invalid = 0;
  let isAsked = false;
  const serving = (async () => {
    await far.write("* PREAUTH hi\r\n");
    for (let line; (line = await far.readLine()) !== null;) {
      const [tag = "", verb = ""] = line.split(" ");
      let answer = says;
      if (verb === "CAPABILITY") answer = `* CAPABILITY ${CAPABILITIES}`;
      else if (verb === "LOGOUT" || !isAsked || says === undefined) answer = "* 9 EXISTS";
      const bytes = bytesOf(answer!, tag);
      for (let at = 0; at < bytes.length; at += cut) await far.write(bytes.slice(at, at + cut));
      if (verb === "LOGOUT" || (isAsked && isLast)) break;
    }
    await far.close();
  })().catch(() => far.abort());
  const mail = await connectImap({
    connection: near,
    tls: "none",
    timeout: 30_000,
    onInvalid: () => void invalid++,
  });
  await mail.select("INBOX");
  isAsked = true;
  return { mail, serving, invalid: () => invalid, later: () => (isAsked = false) };
}

async function play({ does, says, must, reports = 0, ends = false }: Row, cut?: number) {
  const { mail, serving, invalid, later } = await session(says, cut);
  try {
    const result = await DEEDS[does](mail);
    assertEquals(ends, false, "it should have ended");
    assertEquals(result ?? null, must);
    assertEquals(invalid(), reports, "reports");
    later();
    await mail.noop();
  } catch (error) {
    if (!ends || !(error instanceof NetError)) throw error;
    assertEquals(mail.open, false);
  } finally {
    await mail.close();
    await serving;
  }
}

for (const row of ROWS) {
  Deno.test(`dialogue, ${row.does}: ${row.name}`, async () => {
    await play(row);
    await play(row, 1);
  });
}

Deno.test("dialogues: names are different", () => {
  assertEquals(new Set(ROWS.map(({ name }) => name)).size, ROWS.length);
});

/** What a mutation puts in. */
const BITS = [
  "(",
  ")",
  '"',
  "\\",
  "[",
  "]",
  " ",
  "NIL",
  "{1}",
  "{3}\r\n",
  "\r\n",
  "* ",
  "1",
  "-",
  "é",
  "\0",
  ":",
];

/** Changes a text in a few places. */
function mutated(text: string, changes: readonly [at: number, cut: number, bit: number][]): string {
  for (const [at, cut, bit] of changes) {
    const from = at % (text.length + 1);
    text = text.slice(0, from) + (BITS[bit % (BITS.length + 1)] ?? "") + text.slice(from + cut % 4);
  }
  return text;
}

Deno.test("dialogues, changed at random, give a result or a typed error, and in time", async () => {
  const change = fc.tuple(fc.nat(), fc.nat(), fc.nat());
  const changes = fc.array(change, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...ROWS),
      changes,
      fc.constantFrom(1, 7, Infinity),
      async (row, how, cut) => {
        // The server ends the connection, so that no run waits for the time limit.
        const says = `${mutated(row.says, how)}\r\nzz9 BAD end\r\n`.replace("$T", "zz9");
        const { mail, serving } = await session(says, cut, true);
        try {
          await DEEDS[row.does](mail).catch((error) => {
            assert(
              error instanceof NetError || error instanceof ReplyError ||
                error instanceof TypeError,
              `${error}`,
            );
          });
        } finally {
          mail.abort();
          await serving;
        }
      },
    ),
    { numRuns: 300 },
  );
});
