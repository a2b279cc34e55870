import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import {
  type ErrorContext,
  NetError,
  type NetPhase,
  toNetError,
} from "../../../net/errors/errors.ts";
import { thrown } from "../../_support/errors.ts";

Deno.test("an ordinary error that only sounds like the network is unknown", () => {
  for (
    const message of [
      "Session Expired",
      "no private key for this wallet",
      "3 keys found",
      "ProtocolVersion of the file is 3",
      "unsupported certificate of apprenticeship",
    ]
  ) {
    const error = toNetError(new Error(message), { phase: "read", address: "127.0.0.1:9" });
    assertEquals([error.kind, error.tls, error.retryable], ["unknown", undefined, false], message);
    assertEquals(error.message, `Cannot read from 127.0.0.1:9: ${message}`);
  }
});

Deno.test("wrong arguments are of kind usage, but not as the cause of something else", () => {
  assertEquals(toNetError(new TypeError("no host name")).kind, "usage");
  assertEquals(toNetError(new RangeError("port -1")).kind, "usage");
  assertEquals(toNetError(new Error("outer", { cause: new TypeError("inner") })).kind, "unknown");
  assertEquals(toNetError(new TypeError("fetch failed", { cause: "?" })).kind, "unknown");
});

Deno.test("a NetError comes back as it is, and its meaning survives being wrapped", async () => {
  const inner = new NetError("Cannot read a line from 127.0.0.1:9: it is longer than 80 bytes", {
    kind: "limit",
    phase: "read",
    address: "127.0.0.1:9",
    retryable: true,
  });
  assertStrictEquals(toNetError(inner, { phase: "connect", address: "elsewhere" }), inner);
  for (
    const outer of [
      new Error("while greeting", { cause: inner }),
      new AggregateError([inner]),
      await thrown(Promise.any([Promise.reject(inner)])),
    ]
  ) {
    const error = toNetError(outer);
    assertEquals([error.kind, error.phase, error.retryable], ["limit", "read", true]);
    assertEquals([error.message, error.address], [inner.message, inner.address]);
    assertStrictEquals(error.cause, outer);
  }
});

Deno.test("a NetError has defaults by kind, and a fixed name", async () => {
  const error = new NetError("no", { kind: "refused" });
  assertEquals([error.name, error.phase, error.retryable], ["NetError", "connect", true]);
  assertEquals(error.cause, undefined);
  assert(!("cause" in error) || error.cause === undefined);
  assertEquals(new NetError("no", { kind: "refused", retryable: false }).retryable, false);
  assertEquals(new NetError("no", { kind: "limit", phase: "write" }).phase, "write");
  assertEquals(`${error}`, "NetError: no");
  await assertRejects(() => Promise.reject(error), NetError, "no");
});

Deno.test("a reason deep in a chain is found, a circle of causes ends", () => {
  let chained: Error = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  for (let i = 0; i < 4; i++) chained = new Error(`level ${i}`, { cause: chained });
  assertEquals(toNetError(chained).kind, "refused");

  const a = new Error("chicken");
  const b = new Error("egg", { cause: a });
  a.cause = b;
  assertEquals(toNetError(b).message, "egg");
  assertEquals(toNetError(b, { phase: "read" }).message, "Cannot read: egg");
  const self: AggregateError = new AggregateError([]);
  self.errors.push(self);
  assertEquals(toNetError(self).kind, "unknown");
});

// Everything that may stand in a message: what is visible, and what only joins or shapes it.
// deno-lint-ignore no-control-regex -- these are what must not be there
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

function assertTotal(value: unknown, context?: ErrorContext): NetError {
  const error = toNetError(value, context);
  assert(error instanceof NetError);
  for (const text of [error.message, error.address, error.code, error.permission]) {
    assert(text === undefined || !CONTROLS.test(text), JSON.stringify(text));
  }
  assert(error.message.length < 6000, `${error.message.length} characters`);
  assert((error.code ?? "").length < 3000 && (error.address ?? "").length < 3000);
  assertMatch(error.message, /\S/);
  return error;
}

function biting(): never {
  throw new Error("a trap");
}

/** A proxy that throws whatever is done to it. */
function horror(target: object): object {
  const traps = [
    "get",
    "has",
    "getPrototypeOf",
    "ownKeys",
    "getOwnPropertyDescriptor",
    "set",
    "defineProperty",
    "deleteProperty",
    "isExtensible",
    "preventExtensions",
    "setPrototypeOf",
    "apply",
    "construct",
  ];
  return new Proxy(target, Object.fromEntries(traps.map((trap) => [trap, biting])));
}

Deno.test("toNetError() takes what bites", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const endless = class extends Array<unknown> {
    override slice(): unknown[] {
      return {
        *[Symbol.iterator]() {
          while (true) yield 1;
        },
      } as unknown[];
    }
    override *[Symbol.iterator](): ArrayIterator<unknown> {
      while (true) yield 1;
    }
  };
  const values: unknown[] = [
    null,
    undefined,
    NaN,
    0n,
    -0,
    "",
    Symbol("s"),
    Symbol.iterator,
    () => {},
    class {},
    biting,
    Object.create(null),
    Object.freeze(new Error("frozen")),
    Object.freeze({ message: "frozen", code: "ECONNREFUSED" }),
    horror({}),
    horror(() => {}),
    horror(new Error("x")),
    horror(new NetError("x", { kind: "limit" })),
    revoked.proxy,
    new Error("outer", { cause: horror({}) }),
    new AggregateError([horror({}), horror([])]),
    { errors: horror([]) },
    { errors: endless.from([1, 2, 3]) },
    { errors: { 0: 1, length: 1e9 } },
    { errors: "errors", cause: "cause" },
    { message: 7, name: {}, code: [], errors: null, cause: 0 },
    { message: { toString: biting, valueOf: biting } },
    { toString: biting, valueOf: biting, [Symbol.toPrimitive]: biting },
    {
      get message() {
        return biting();
      },
      code: "ECONNREFUSED",
    },
    {
      get code() {
        return biting();
      },
    },
    new Proxy({}, { get: (_, key) => String(key), getPrototypeOf: biting }),
    Object.create(NetError.prototype),
    new Proxy(new NetError("x", { kind: "limit" }), { get: () => "a lie\n" }),
    new Event("error"),
    new ErrorEvent("error", { message: "no" }),
    new Error("\ud800 lone"),
    Object.assign(new Error("x"), { code: `ERR_TLS\n\x1b[2J${"y".repeat(1e6)}` }),
    Object.assign(new Error("x"), {
      code: "ECONNREFUSED",
      address: `\x1b[2J${"z".repeat(1e6)}`,
      port: 1,
    }),
    Object.assign(new Error("x"), { code: "ECONNREFUSED", address: "h\n", port: Infinity }),
    new Deno.errors.NotCapable(
      `Requires read access to "${"/x".repeat(1e6)}", run again with the --allow-read flag`,
    ),
    new Deno.errors.NotCapable(
      'Requires read access to "a\n\x1b]0;b", run again with the --allow-read flag',
    ),
  ];
  for (const value of values) assertTotal(value);
  for (const value of values) assertTotal(new Error("wrapped", { cause: value }));
  for (const value of values) {
    const signal = AbortSignal.abort(value);
    assertEquals(assertTotal(signal.reason, { signal }).kind, "aborted");
  }
});

Deno.test("toNetError() is not taken in by what pretends to be a NetError", () => {
  const empty = assertTotal(Object.create(NetError.prototype));
  assertEquals([empty.kind, empty.phase], ["unknown", "connect"]);
  const lying = new Proxy(new NetError("x", { kind: "limit" }), { get: () => "a lie\n" });
  assertEquals(assertTotal(lying).kind, "unknown");
});

Deno.test("a message of a megabyte, of escapes, of many lines becomes one short line", () => {
  const long = assertTotal(new Error("x".repeat(1 << 20)));
  assert(long.message.length < 400, `${long.message.length}`);
  assertMatch(long.message, /…$/);
  assertEquals(
    assertTotal(new Error("a\r\nb\x1b[31m\u202ec\x9b2J")).message,
    "a\\r\\nb\\x1B[31m\\u{202E}c\\x9B2J",
  );
  const cut = assertTotal(new Error("\u{1f600}".repeat(1000)));
  assertEquals(cut.message.isWellFormed(), true);
});

Deno.test("a NetError's own message is escaped as well, wrapped or not", () => {
  const error = new NetError("550 \x1b]0;gotcha\x07\r\nno", { kind: "protocol" });
  assertEquals(error.message, "550 \\x1B]0;gotcha\\x07\\r\\nno");
  assertEquals(toNetError(new Error("outer", { cause: error })).message, error.message);
});

Deno.test("what could have happened anywhere is not called a failed connection", () => {
  assertEquals(toNetError(undefined).message, "No reason was given");
  assertEquals(toNetError(new DOMException("stop", "AbortError")).message, "Aborted");
  assertEquals(toNetError(new RangeError("port -1")).message, "port -1");
  assertEquals(
    toNetError(new Error("odd"), { hostname: "a.test", port: 1 }).message,
    "Cannot connect to a.test:1: odd",
  );
});

Deno.test("the path of a Unix socket is an address, its unnamed end is none", () => {
  const cause = new Deno.errors.ConnectionReset("os error 104");
  const named = toNetError(cause, { phase: "read", path: "/run/\x1bx" });
  assertEquals(named.message, "Cannot read from unix:/run/\\x1Bx: the peer reset the connection");
  assertEquals(toNetError(cause, { path: "" }).address, undefined);
  assertEquals(toNetError(cause, { path: "/x", address: "here" }).address, "here");
});

Deno.test("an address that the caller got from a stranger is escaped and cut too", () => {
  for (const hostname of ["a\nb\x1b[2J", "x".repeat(1 << 20)]) {
    assertTotal(new Error("no"), { hostname, port: 1 });
    assertTotal(new Error("no"), { address: hostname });
  }
  assertEquals(
    assertTotal(new Error("no"), { hostname: "a\nb", port: 1 }).message,
    "Cannot connect to a\\nb:1: no",
  );
});

Deno.test("toNetError() is total over arbitrary values, contexts and properties", () => {
  const context = fc.record({
    phase: fc.constantFrom<NetPhase>("resolve", "read", "listen", "request", "response", "close"),
    address: fc.string({ unit: "binary" }),
    hostname: fc.string({ unit: "binary" }),
    port: fc.oneof(fc.integer(), fc.double()),
  }, { requiredKeys: [] });
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
  });
  const errorLike = fc.record({
    message: fc.oneof(fc.string({ unit: "binary" }), anything),
    name: fc.oneof(fc.constantFrom("AbortError", "TimeoutError", "Error"), anything),
    code: fc.oneof(fc.constantFrom("ECONNREFUSED", "ERR_TLS_X", "EPIPE"), anything),
    syscall: fc.oneof(fc.constantFrom("connect", "read", "__proto__"), anything),
    address: fc.string({ unit: "binary" }),
    port: fc.oneof(fc.double(), anything),
    errors: fc.oneof(fc.array(anything), anything),
    cause: anything,
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(anything, errorLike), context, (value, given) => {
      const plain = assertTotal(value, given);
      assertStrictEquals(plain.cause, value);
      assertEquals(plain.phase, given.phase ?? plain.phase);
    }),
    { numRuns: 500 },
  );
});
