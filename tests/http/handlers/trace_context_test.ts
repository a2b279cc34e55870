/** Trace contexts (W3C Trace Context, levels 1 and 2), as `accessLog` takes them up. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { accessLog, requestContext } from "../../../http/handlers/access_log.ts";
import type { HttpInfo } from "../../../http/server/options.ts";

const TRACE = "12345678901234567890123456789012";
const PARENT = "1234567890123456";

/** Returns the fields for another service, twice. */
async function onward(...fields: [string, string][]) {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  const sent: Readonly<Record<string, string>>[] = [];
  const handler = accessLog((request) => {
    const context = requestContext(request)!;
    sent.push(context.headers, context.headers);
    return new Response();
  }, { log() {} });
  const info = {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    completed: Promise.resolve(),
  } as HttpInfo;
  await handler(new Request("http://h/", { headers }), info);
  const [one, two] = sent.map(({ traceparent }) => /^00-(.+)-(.+)-(..)$/.exec(traceparent!)!);
  assertEquals([one![1], one![3]], [two![1], two![3]]);
  assert(one![2] !== two![2], "each call has a parent id of its own");
  assertMatch(one![2]!, /^(?!0{16})[0-9a-f]{16}$/);
  assert(one![2] !== PARENT);
  return { trace: one![1], flags: one![3], state: sent[0]!.tracestate };
}

for (
  const [value, flags] of [
    [`00-${TRACE}-${PARENT}-00`, "00"],
    [`00-${TRACE}-${PARENT}-01`, "01"],
    [`00-${TRACE}-${PARENT}-02`, "02"],
    [`00-${TRACE}-${PARENT}-ff`, "03"],
    [` 00-${TRACE}-${PARENT}-01\t`, "01"],
    [`01-${TRACE}-${PARENT}-01`, "01"],
    [`cc-${TRACE}-${PARENT}-01`, "01"],
    [`cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`, "01"],
    [`fe-${TRACE}-${PARENT}-01-`, "01"],
  ] as const
) {
  Deno.test(`accessLog() continues the trace of ${JSON.stringify(value)}`, async () => {
    const got = await onward(["traceparent", value], ["tracestate", "a=1"]);
    assertEquals(got, { trace: TRACE, flags, state: "a=1" });
  });
}

for (
  const value of [
    "",
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-`,
    `00-${TRACE}-${PARENT}-1`,
    `00-${TRACE}-${PARENT}-01-`,
    `00-${TRACE}-${PARENT}-01-what`,
    `00-${TRACE}-${PARENT}-0x`,
    `cc-${TRACE}-${PARENT}-01.what`,
    `ff-${TRACE}-${PARENT}-01`,
    `.0-${TRACE}-${PARENT}-01`,
    `0-${TRACE}-${PARENT}-01`,
    `00-${"0".repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${PARENT}-01`,
    `00-${TRACE}1-${PARENT}-01`,
    `00-${"A".repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${"G".repeat(16)}-01`,
    `00${TRACE}${PARENT}01`,
    `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
  ]
) {
  Deno.test(`accessLog() starts a new trace for ${JSON.stringify(value)}`, async () => {
    const got = await onward(["traceparent", value], ["tracestate", "a=1"]);
    assertMatch(got.trace!, /^(?!0{32})[0-9a-f]{32}$/);
    assert(got.trace !== TRACE);
    assertEquals([got.flags, got.state], ["03", undefined]);
  });
}

Deno.test("accessLog() starts a new trace without a field, and for two fields", async () => {
  const one: [string, string] = ["traceparent", `00-${TRACE}-${PARENT}-01`];
  assert((await onward()).trace !== TRACE);
  assert((await onward(one, one)).trace !== TRACE);
});

const members = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=1`);

for (
  const [values, expected] of [
    [["a=1,b=2"], "a=1,b=2"],
    [["a=1", "b=2"], "a=1,b=2"],
    [[" a=1 \t,\t b=2 ,, c=3,"], "a=1,b=2,c=3"],
    [["a=1,a=2"], "a=1,a=2"],
    [["tenant@sys=1,0a-_*/=x"], "tenant@sys=1,0a-_*/=x"],
    [["a= !\"#$%&'()*+-./:;<>?@[]^_`{|}~"], "a= !\"#$%&'()*+-./:;<>?@[]^_`{|}~"],
    [[`${"k".repeat(256)}=1`], `${"k".repeat(256)}=1`],
    [[`a=${"v".repeat(256)}`], `a=${"v".repeat(256)}`],
    [members(32), members(32).join()],
    [members(33), undefined],
    [["a"], undefined],
    [["=1"], undefined],
    [["a="], undefined],
    [["A=1"], undefined],
    [["a=1=2"], undefined],
    [["a=\u00e9"], undefined],
    [["a b=1"], undefined],
    [[`${"k".repeat(257)}=1`], undefined],
    [[`a=${"v".repeat(257)}`], undefined],
    [["a=1,bad"], undefined],
    [["", " "], undefined],
    // Long members go first, then the last ones.
    [
      [`l=${"v".repeat(200)}`, ...members(30).map((one) => one + "v".repeat(15))],
      members(30)
        .map((one) => one + "v".repeat(15)).slice(0, 25).join(),
    ],
  ] as const
) {
  Deno.test(`accessLog() passes tracestate ${values.join(" | ").slice(0, 60)} on`, async () => {
    const { trace, state } = await onward(
      ["traceparent", `00-${TRACE}-${PARENT}-01`],
      ...values.map((value): [string, string] => ["tracestate", value]),
    );
    assertEquals(trace, TRACE);
    if (expected !== undefined && expected.length > 400) {
      assert(state!.length <= 512 && state!.startsWith("k0=1") && !state!.includes("l="), state);
    } else assertEquals(state, expected);
  });
}
