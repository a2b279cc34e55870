/** The dialogues of `dialogues.ts` with one or more replies that have gone wrong. */

import { assert } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../../net/errors/errors.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { taskOf } from "../../_support/smtp_dialogue.ts";
import { type ScriptServer, scriptServer } from "../../_support/smtp_script.ts";
import { ANN } from "../../_support/smtp_server.ts";
import { DIALOGUES, SECOND, type SmtpDialogue } from "./dialogues.ts";

/** A reply by its number, and what happens to it. */
interface Mutation {
  readonly at: number;
  readonly change: (reply: string, n: number) => string | null;
  readonly n: number;
}

/** Ways in which a reply can go wrong. Null ends the connection. */
const CHANGES: Readonly<Record<string, Mutation["change"]>> = {
  "is missing": () => "",
  "ends the connection": () => null,
  "comes twice": (reply) => reply + reply,
  "is cut": (reply, n) => reply.slice(0, n % reply.length),
  "has another digit": (reply, n) => {
    const at = n % 3;
    return `${reply.slice(0, at)}${n % 10}${reply.slice(at + 1)}`;
  },
  "follows a text": (reply) => `some text\r\n${reply}`,
  "precedes a text": (reply) => `${reply}some text\r\n`,
  "is a text": () => "some text\r\n",
  "is empty": () => "\r\n",
  "says good-bye": () => "421 bye\r\n",
  "has the line endings of Unix": (reply) => reply.replaceAll("\r", ""),
  "never ends": (reply) => `${reply.slice(0, 3)}-and more\r\n`,
  "has odd bytes": (reply, n) => {
    const at = n % reply.length;
    return `${reply.slice(0, at)}${String.fromCharCode(n % 256)}${reply.slice(at)}`;
  },
};

const mutation: fc.Arbitrary<Mutation & { readonly name: string }> = fc.record({
  at: fc.nat(12),
  name: fc.constantFrom(...Object.keys(CHANGES)),
  n: fc.nat(10_000),
}).map((one) => ({ ...one, change: CHANGES[one.name]! }));

const dialogue = fc.constantFrom(...DIALOGUES.filter(({ to = [] }) => to.length < 10));

interface Result {
  readonly server: ScriptServer;
  /** The recipients that the client reports for the first message. */
  readonly accepted: readonly string[];
}

async function play(of: SmtpDialogue, mutations: readonly Mutation[]): Promise<Result> {
  let count = 0;
  await using server = scriptServer(of.says, (reply) => {
    const number = count++;
    const found = mutations.find(({ at }) => at === number);
    return found === undefined ? reply : found.change(reply, found.n);
  });
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

const numRuns = 60;

Deno.test("one wrong reply: nobody is reported without the message, or gets it twice", async () => {
  await fc.assert(
    fc.asyncProperty(dialogue, mutation, async (dialogue, mutation) => {
      const { server, accepted } = await play(dialogue, [mutation]);
      const first = server.delivered.flatMap(({ to }) => to).filter((one) => one !== SECOND);
      for (const one of accepted) assert(first.includes(one), `${one} does not have the message`);
      assert(new Set(first).size === first.length, `twice: ${first}`);
      if (!dialogue.login) assert(server.strange.length === 0, `strange: ${server.strange}`);
    }),
    { numRuns, endOnFailure: true },
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
    { numRuns, endOnFailure: true, timeout: 5000 },
  );
});
