/** The dialogues of `dialogues.ts` with one or more replies that have gone wrong. */

import { assert } from "@std/assert";
import fc from "fast-check";
import { type Pop3Report, pop3ScriptServer } from "../../_support/pop3_script.ts";
import { readMail } from "./compare.ts";
import { DIALOGUES, type Pop3Dialogue, USUAL_REPORT } from "./dialogues.ts";

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
  "is a refusal": () => "-ERR no\r\n",
  "follows a text": (reply) => `some text\r\n${reply}`,
  "precedes a text": (reply) => `${reply}some text\r\n`,
  "is a text": () => "some text\r\n",
  "is empty": () => "\r\n",
  "has blanks": (reply, n) => {
    const at = n % reply.length;
    return `${reply.slice(0, at)}\t ${reply.slice(at)}`;
  },
  "has the line endings of Unix": (reply) => reply.replaceAll("\r", ""),
  "never ends": (reply) => reply.replace(/\r\n\.\r\n$/, "\r\n"),
  "has odd bytes": (reply, n) => {
    const at = n % reply.length;
    return `${reply.slice(0, at)}${String.fromCharCode(n % 256)}${reply.slice(at)}`;
  },
};

const mutation: fc.Arbitrary<Mutation & { readonly name: string }> = fc.record({
  at: fc.nat(14),
  name: fc.constantFrom(...Object.keys(CHANGES)),
  n: fc.nat(10_000),
}).map((one) => ({ ...one, change: CHANGES[one.name]! }));

const dialogue = fc.constantFrom(...DIALOGUES);

async function play(
  { says }: Pop3Dialogue,
  mutations: readonly Mutation[],
): Promise<{ report: Pop3Report; heard: readonly string[] }> {
  let count = 0;
  await using server = pop3ScriptServer(says, (reply) => {
    const number = count++;
    const found = mutations.find(({ at }) => at === number);
    return found === undefined ? reply : found.change(reply, found.n);
  });
  const report = await readMail(server.port, 150);
  // Any other error is a fault of the client.
  assert(/^(?:NetError|ReplyError|undefined)/.test(`${report.error}`), report.error);
  return { report, heard: server.heard };
}

const numRuns = 60;

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
    { numRuns, endOnFailure: true },
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
    { numRuns, endOnFailure: true, timeout: 5000 },
  );
});
