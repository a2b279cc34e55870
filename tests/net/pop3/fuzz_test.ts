/** The dialogues of `dialogues.ts` with one or more replies that have gone wrong. */

import { assert } from "@std/assert";
import fc from "fast-check";
import { fuzzRuns } from "../../_support/fuzz_runs.ts";
import {
  mutateReplies,
  type ReplyMutation,
  replyMutation,
} from "../../_support/reply_mutations.ts";
import { type Pop3Report, pop3ScriptServer } from "../../_support/pop3_script.ts";
import { readMail } from "./compare.ts";
import { DIALOGUES, type Pop3Dialogue, USUAL_REPORT } from "./dialogues.ts";

const mutation = replyMutation(14, {
  "is a refusal": () => "-ERR no\r\n",
  "has blanks": (reply, n) => {
    const at = n % reply.length;
    return `${reply.slice(0, at)}\t ${reply.slice(at)}`;
  },
  "never ends": (reply) => reply.replace(/\r\n\.\r\n$/, "\r\n"),
});

const dialogue = fc.constantFrom(...DIALOGUES);

async function play(
  { says }: Pop3Dialogue,
  mutations: readonly ReplyMutation[],
): Promise<{ report: Pop3Report; heard: readonly string[] }> {
  await using server = pop3ScriptServer(says, mutateReplies(mutations));
  const report = await readMail(server.port, 150);
  // Any other error is a fault of the client.
  assert(/^(?:NetError|ReplyError|undefined)/.test(`${report.error}`), report.error);
  return { report, heard: server.heard };
}

Deno.test("one wrong reply: no message takes the place of another, and none is deleted unasked", async () => {
  await fc.assert(
    fc.asyncProperty(dialogue, mutation, async (dialogue, mutation) => {
      const { report, heard } = await play(dialogue, [mutation]);
      const other = { first: USUAL_REPORT.second, second: USUAL_REPORT.first };
      for (const part of ["first", "second"] as const) {
        assert(report[part] !== other[part], `${part} is the other message`);
      }
      if (report.deleted) assert(heard.includes("DELE 1"), heard.join());
      // The end deletes marked messages, so it follows a success only, or takes the marks back.
      const marked = heard.lastIndexOf("DELE 1");
      const quit = heard.lastIndexOf("QUIT");
      if (!report.deleted && marked !== -1 && quit > marked) {
        assert(report.error !== undefined, heard.join());
      }
    }),
    fuzzRuns(60),
  );
});

Deno.test("several wrong replies: the session ends in time, with a report or a NetError", async () => {
  await fc.assert(
    fc.asyncProperty(
      dialogue,
      fc.array(mutation, { maxLength: 4 }),
      async (dialogue, mutations) => {
        await play(dialogue, mutations);
      },
    ),
    { ...fuzzRuns(60), timeout: 5000 },
  );
});
