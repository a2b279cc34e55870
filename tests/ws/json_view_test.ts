import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { WsMessage } from "../../ws/connection/options.ts";
import {
  type InvalidMessageError,
  type JsonChannel,
  JsonView,
  type JsonViewOptions,
} from "../../ws/json_view.ts";

/** A connection that has received `messages`. Its calls are written down. */
function channelOf(messages: readonly WsMessage[]) {
  const calls: unknown[] = [];
  const channel: JsonChannel = {
    async *[Symbol.asyncIterator]() {
      yield* messages;
    },
    sendJson: (value, options) => Promise.resolve(void calls.push(["send", value, options])),
    close: (code, reason) => Promise.resolve(calls.push(["close", code, reason])),
  };
  return { channel, calls };
}

function number(value: unknown): number {
  if (typeof value === "number") return value;
  throw new TypeError("it is no number");
}

Deno.test("a JsonView yields the values of text messages, and sends values", async () => {
  const { channel, calls } = channelOf(['{"a":[1]}', "null", " 7 "]);
  const view = new JsonView<unknown>(channel);
  assertEquals(await Array.fromAsync(view), [{ a: [1] }, null, 7]);
  const { signal } = new AbortController();
  await view.send([1], { signal });
  assertEquals(calls, [["send", [1], { signal }]]);
});

Deno.test("a JsonView closes with 1007 for what is no JSON, with 1008 for what is not valid", async () => {
  const rows: [message: WsMessage, code: number][] = [
    ["{", 1007],
    ["", 1007],
    [Uint8Array.of(55), 1007],
    ['"7"', 1008],
  ];
  for (const [message, code] of rows) {
    const { channel, calls } = channelOf(["1", message, "2"]);
    assertEquals(await Array.fromAsync(new JsonView(channel, { validate: number })), [1]);
    assertEquals(calls, [["close", code, "invalid message"]]);
  }
});

Deno.test("a JsonView with onInvalid goes on with the next message", async () => {
  const bytes = Uint8Array.of(1);
  const { channel, calls } = channelOf(["{", "1", bytes, '"\\u001b"', "2"]);
  const errors: InvalidMessageError[] = [];
  const onInvalid = (error: InvalidMessageError) => errors.push(error);
  const validate = (value: unknown) => {
    if (typeof value === "string") throw `no ${value}`;
    return number(value);
  };
  assertEquals(await Array.fromAsync(new JsonView(channel, { validate, onInvalid })), [1, 2]);
  assertEquals(calls, []);
  assertEquals(errors.map(({ problem, message }) => [problem, message]), [
    ["syntax", "Cannot use the message: it is not JSON"],
    ["binary", "Cannot use the message: it is binary; JSON must be in a text frame"],
    ["validation", "Cannot use the message: it is not valid"],
  ]);
  assertStrictEquals(errors[1]!.data, bytes);
});

Deno.test("an InvalidMessageError shows no control characters, and not the message", async () => {
  const { channel } = channelOf(['"secret"']);
  const validate = () => {
    throw new TypeError("wrong \x1b[2J");
  };
  let error: InvalidMessageError | undefined;
  const onInvalid = (one: InvalidMessageError) => void (error = one);
  await Array.fromAsync(new JsonView(channel, { validate, onInvalid }));
  assert(error?.cause instanceof TypeError);
  assertEquals(error.message, "Cannot use the message: wrong \\x1B[2J");
  const shown = `${error} ${JSON.stringify(error)}`;
  assert(!shown.includes("secret") && !shown.includes("\x1b"), shown);
  assertEquals(JSON.parse(JSON.stringify(error)), {
    name: "InvalidMessageError",
    message: "Cannot use the message: wrong \\x1B[2J",
    problem: "validation",
  });
});

Deno.test("the error of a connection, and of onInvalid, ends the loop", async () => {
  const broken = new Error("lost");
  const channel: JsonChannel = {
    ...channelOf([]).channel,
    // deno-lint-ignore require-yield
    async *[Symbol.asyncIterator]() {
      throw broken;
    },
  };
  assertStrictEquals(await assertRejects(() => Array.fromAsync(new JsonView(channel))), broken);
  const onInvalid = () => Promise.reject(broken);
  const view = new JsonView(channelOf(["{"]).channel, { onInvalid });
  assertStrictEquals(await assertRejects(() => Array.fromAsync(view)), broken);
});

Deno.test("JsonView checks its options", () => {
  const { channel } = channelOf([]);
  for (const options of [{ validate: "a" }, { onInvalid: "a" }, { other: 1 }]) {
    assertThrows(() => new JsonView(channel, options as JsonViewOptions<unknown>), TypeError);
  }
});
