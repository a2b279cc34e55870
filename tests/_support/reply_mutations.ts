/** Ways in which a reply of a line protocol can go wrong, for tests of whole sessions. @module */

import fc from "fast-check";

/** Returns what a server sends instead of a reply. Null ends the connection. */
type Change = (reply: string, n: number) => string | null;

/** A reply by its number, and what happens to it. */
export interface ReplyMutation {
  readonly at: number;
  readonly name: string;
  readonly change: Change;
  readonly n: number;
}

/** What can happen to the replies of every protocol. */
const COMMON: Readonly<Record<string, Change>> = {
  "is missing": () => "",
  "ends the connection": () => null,
  "comes twice": (reply) => reply + reply,
  "is cut": (reply, n) => reply.slice(0, n % reply.length),
  "follows a text": (reply) => `some text\r\n${reply}`,
  "precedes a text": (reply) => `${reply}some text\r\n`,
  "is a text": () => "some text\r\n",
  "is empty": () => "\r\n",
  "has the line endings of Unix": (reply) => reply.replaceAll("\r", ""),
  "has odd bytes": (reply, n) => {
    const at = n % reply.length;
    return `${reply.slice(0, at)}${String.fromCharCode(n % 256)}${reply.slice(at)}`;
  },
};

/**
 * Returns random mutations.
 *
 * @param replies The number of replies in a session.
 * @param own What can happen to the replies of this protocol besides.
 */
export function replyMutation(
  replies: number,
  own: Readonly<Record<string, Change>>,
): fc.Arbitrary<ReplyMutation> {
  const changes = { ...COMMON, ...own };
  return fc.record({
    at: fc.nat(replies),
    name: fc.constantFrom(...Object.keys(changes)),
    n: fc.nat(10_000),
  }).map((one) => ({ ...one, change: changes[one.name]! }));
}

/** Returns a function that takes one reply after the other and gives what the server sends instead. */
export function mutateReplies(
  mutations: readonly ReplyMutation[],
): (reply: string) => string | null {
  let count = 0;
  return (reply) => {
    const number = count++;
    const found = mutations.find(({ at }) => at === number);
    return found === undefined ? reply : found.change(reply, found.n);
  };
}
