import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  callback,
  count,
  either,
  flag,
  group,
  integer,
  limit,
  listenPort,
  listOf,
  milliseconds,
  numberFrom,
  oneOf,
  OptionRules,
  path,
  port,
  positive,
  required,
  type Rule,
  signal,
  text,
  word,
} from "../../../net/internal/options.ts";

interface Options {
  port: number;
  timeouts?: { connect?: number };
  maxBody?: number;
  policy?: string;
}

const RULES = new OptionRules<Options>({
  port: required(port),
  timeouts: group(new OptionRules<{ connect?: number }>({ connect: milliseconds })),
  maxBody: count,
  policy: oneOf("wait", "drop"),
});

/** What checking the options says. */
function fault(options: unknown): string {
  return assertThrows(() => RULES.check("start", options as Options), Error).message;
}

Deno.test("OptionRules accepts what fits, and undefined for what may be left out", () => {
  RULES.check("start", { port: 1 });
  RULES.check("start", { port: 65535, maxBody: Infinity, policy: "drop", timeouts: {} });
  RULES.check(
    "start",
    { port: 1, maxBody: undefined, timeouts: { connect: undefined } } as Options,
  );
  RULES.check("start", Object.assign(Object.create({ port: 7 }), { maxBody: 1 }));
});

Deno.test("OptionRules says what is required and what was given", () => {
  assertEquals(
    fault({ port: "8000" }),
    'port must be an integer from 1 to 65535, got string "8000"',
  );
  assertEquals(fault({ port: 0 }), "port must be an integer from 1 to 65535, got 0");
  assertEquals(fault({}), "port must be an integer from 1 to 65535, got undefined");
  assertEquals(fault(undefined), "the options of start must be an object, got undefined");
  assertEquals(fault(null), "the options of start must be an object, got null");
  assertEquals(
    fault({ port: 1, timeouts: { connect: -1 } }),
    "timeouts.connect must be a number of milliseconds of at least 0, got -1",
  );
  assertEquals(fault({ port: 1, timeouts: 5 }), "timeouts must be an object, got 5");
  assertEquals(
    fault({ port: 1, policy: "wait\x1b[2J" }),
    'policy must be "wait" or "drop", got string "wait\\u001b[2J"',
  );
});

Deno.test("OptionRules.checkGiven() rejects missing options", () => {
  const rules = new OptionRules<{ realm?: string }>({ realm: text });
  rules.check("start", undefined);
  rules.checkGiven("start", {});
  assertThrows(
    () => rules.checkGiven("start", undefined as unknown as { realm?: string }),
    TypeError,
    "the options of start must be an object, got undefined",
  );
});

Deno.test("OptionRules prefers a typing error to a common beginning, and that to another part", () => {
  const rules = new OptionRules<Record<string, number>>({
    allowedHosts: count,
    hostname: count,
    sendProxyProtocol: count,
    port: count,
    maxConnectionsPerAddress: count,
    maxConnections: count,
  });
  const rows = {
    host: "hostname",
    prot: "port",
    maxConnection: "maxConnections",
    proxy: "sendProxyProtocol",
  };
  for (const [name, close] of Object.entries(rows)) {
    const { message } = assertThrows(() => rules.check("start", { [name]: 1 }), TypeError);
    assertEquals(message, `start has no option "${name}"; did you mean "${close}"?`);
  }
});

Deno.test("OptionRules rejects unknown names, and names the closest one", () => {
  const rows: [string, string | undefined][] = [
    ["timeout", "timeouts"],
    ["timeoutMs", "timeouts"],
    ["max_body", "maxBody"],
    ["MAXBODY", "maxBody"],
    ["body", "maxBody"],
    ["prot", "port"],
    ["part", "port"],
    ["polcy", "policy"],
    ["colour", undefined],
    ["__proto__x", undefined],
    ["toString", undefined],
    ["x".repeat(10_000), undefined],
  ];
  for (const [name, close] of rows) {
    const message = fault({ port: 1, [name]: 5 });
    const said = JSON.stringify(name.slice(0, 60));
    const hint = close === undefined ? "" : `; did you mean "${close}"?`;
    assertEquals(message, `start has no option ${said}${hint}`);
  }
  assertEquals(
    fault({ port: 1, timeouts: { conect: 5 } }),
    'timeouts has no option "timeouts.conect"; did you mean "connect"?',
  );
});

Deno.test("OptionRules throws a RangeError for numbers and a TypeError for the rest", () => {
  assertThrows(() => RULES.check("start", { port: NaN }), RangeError);
  assertThrows(() => RULES.check("start", 8000 as unknown as Options), TypeError);
  assertThrows(() => RULES.check("start", { port: "1" as unknown as number }), TypeError);
  assertThrows(() => RULES.check("start", { port: 1, prot: 1 } as Options), TypeError);
});

Deno.test("OptionRules checks the getters of a class and inherited options", () => {
  class Settings {
    readonly port = 1;
    get maxBody() {
      return "many";
    }
  }
  const message = 'maxBody must be an integer of at least 1, or Infinity, got string "many"';
  assertEquals(fault(new Settings()), message);
  assertEquals(fault(Object.create({ port: 1, maxBody: "many" })), message);
  RULES.check("start", Object.create({ port: 1, maxBody: 5 }));
});

Deno.test("OptionRules.check() returns a flat copy, also of options in options", () => {
  let reads = 0;
  class Settings {
    readonly port = 1;
    #secret = "kept";
    get maxBody() {
      return 5 + reads++;
    }
    onEvent() {
      return this.#secret;
    }
  }
  const rules = new OptionRules<
    { port?: number; maxBody?: number; onEvent?: () => string; nested?: object[] }
  >({
    port,
    maxBody: count,
    onEvent: callback,
    nested: listOf(group(new OptionRules<{ port: number }>({ port }))),
  });
  const copy = rules.check("start", Object.assign(new Settings(), { nested: [{ port: 7 }] }));
  assertEquals([copy.port, copy.maxBody, copy.maxBody, reads], [1, 5, 5, 1]);
  assertEquals(copy.onEvent?.(), "kept");
  assertEquals({ ...copy, onEvent: 0 }, {
    port: 1,
    maxBody: 5,
    onEvent: 0,
    nested: [{ port: 7 }],
  } as object);
  const inherited = Object.create({ port: 2 });
  const { nested, ...rest } = rules.check("start", Object.create({ nested: [inherited] }));
  assertEquals([nested, rest], [[{ port: 2 }], {}]);
  const given = { port: 3 };
  const before = rules.check("start", given);
  given.port = 4;
  assertEquals(before, { port: 3 });
  assertEquals(rules.check("start", undefined), {});
});

Deno.test("OptionRules.checkBriefly() finds what check() finds", () => {
  const rows: unknown[] = [
    undefined,
    null,
    8000,
    {},
    { port: 1 },
    { port: NaN },
    { prot: 1 },
    { port: 1, maxBody: "many" },
    Object.create({ port: 1 }),
    Object.create({ port: "1" }),
  ];
  const outcome = (check: () => unknown) => {
    try {
      return void check();
    } catch (error) {
      return String(error);
    }
  };
  for (const row of rows as Options[]) {
    assertEquals(
      outcome(() => RULES.checkBriefly("start", row)),
      outcome(() => RULES.check("start", row)),
      Deno.inspect(row),
    );
  }
});

Deno.test("OptionRules does not check what is marked as checked", () => {
  const options = { port: 1, other: 5 } as Options;
  RULES.assume(options);
  assertStrictEquals(RULES.check("start", options), options);
  assertThrows(() => RULES.check("start", { ...options }), TypeError);
});

Deno.test("each rule accepts exactly what it says", () => {
  const values: unknown[] = [
    NaN,
    -1,
    0,
    1,
    1.5,
    7,
    65536,
    3e9,
    Infinity,
    "",
    "a",
    true,
    null,
    {},
    [],
    ["a"],
    [""],
    () => {},
    AbortSignal.abort(),
    new URL("file:///a"),
    new URL("http://a/"),
    5n,
    "\0",
  ];
  const shown = (value: unknown) =>
    typeof value === "function"
      ? "fn"
      : value instanceof AbortSignal
      ? "signal"
      : Deno.inspect(value);
  const rows: [string, Rule, string][] = [
    ["milliseconds", milliseconds, "0 1 1.5 7 65536 3000000000 Infinity"],
    ["positive", positive, "1 1.5 7 65536 3000000000 Infinity"],
    ["count", count, "1 7 65536 3000000000 Infinity"],
    ["limit", limit, "0 1 7 65536 3000000000 Infinity"],
    ["port", port, "1 7"],
    ["listenPort", listenPort, "0 1 7"],
    ["integer", integer(-1, 1), "-1 0 1"],
    ["numberFrom", numberFrom(1, 2), "1 1.5"],
    ["flag", flag, "true"],
    ["text", text, '"" "a" "\\x00"'],
    ["word", word, '"a" "\\x00"'],
    ["oneOf", oneOf("a", "b"), '"a"'],
    ["either", either(true, port), "1 7 true"],
    ["listOf", listOf(word), '[] [ "a" ]'],
    ["callback", callback, "fn"],
    ["signal", signal, "signal"],
    ["path", path, '"a" URL { href: "file:///a" }'],
  ];
  for (const [name, rule, expected] of rows) {
    const accepted = values.filter((value) => {
      try {
        rule("x", value);
        return true;
      } catch {
        return false;
      }
    });
    const told = accepted.map((value) =>
      value instanceof URL ? `URL { href: "${value.href}" }` : shown(value)
    ).join(" ");
    assertEquals(told, expected, name);
  }
});
