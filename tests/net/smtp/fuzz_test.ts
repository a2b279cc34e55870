/** The dialogues of `dialogues.ts` with one or more replies that have gone wrong. */

import { assert } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../../net/errors/errors.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { fuzzRuns } from "../../_support/fuzz_runs.ts";
import {
  mutateReplies,
  type ReplyMutation,
  replyMutation,
} from "../../_support/reply_mutations.ts";
import { taskOf } from "../../_support/smtp_dialogue.ts";
import { type ScriptServer, scriptServer } from "../../_support/smtp_script.ts";
import { ANN } from "../../_support/smtp_server.ts";
import { DIALOGUES, SECOND, type SmtpDialogue } from "./dialogues.ts";

const mutation = replyMutation(12, {
  "has another digit": (reply, n) => {
    const at = n % 3;
    return `${reply.slice(0, at)}${n % 10}${reply.slice(at + 1)}`;
  },
  "says good-bye": () => "421 bye\r\n",
  "never ends": (reply) => `${reply.slice(0, 3)}-and more\r\n`,
});

const dialogue = fc.constantFrom(...DIALOGUES.filter(({ to = [] }) => to.length < 10));

interface Result {
  readonly server: ScriptServer;
  /** The recipients that the client reports for the first message. */
  readonly accepted: readonly string[];
}

async function play(of: SmtpDialogue, mutations: readonly ReplyMutation[]): Promise<Result> {
  await using server = scriptServer(of.says, mutateReplies(mutations));
  const { port, to, message, login } = taskOf(of, server.port);
  let accepted: readonly string[] = [];
  try {
    await using mail = await connectSmtp({
      ...{ port, tls: "none", allowPlaintextLogin: true, timeout: 150, timeouts: { final: 150 } },
      ...(login && ANN),
    });
    const wrong = (error: unknown) => assert(error instanceof NetError, `${error}`);
    await mail.send({ from: "ann@a.test", to }, message).then(
      (sent) => accepted = sent.accepted,
      wrong,
    );
    await mail.send({ from: "ann@a.test", to: [SECOND] }, message).catch(wrong);
  } catch (error) {
    assert(error instanceof NetError, `${error}`);
  }
  return { server, accepted };
}

Deno.test("one wrong reply: nobody is reported without the message, or gets it twice", async () => {
  await fc.assert(
    fc.asyncProperty(dialogue, mutation, async (dialogue, mutation) => {
      const { server, accepted } = await play(dialogue, [mutation]);
      const first = server.delivered.flatMap(({ to }) => to).filter((one) => one !== SECOND);
      for (const one of accepted) assert(first.includes(one), `${one} does not have the message`);
      assert(new Set(first).size === first.length, `twice: ${first}`);
      if (!dialogue.login) assert(server.strange.length === 0, `strange: ${server.strange}`);
    }),
    fuzzRuns(60),
  );
});

Deno.test("several wrong replies: the session ends in time, with a result or a NetError", async () => {
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
