import { assert, assertEquals } from "@std/assert";
import { chrome, launchChrome } from "../../_support/browser.ts";
import { redis, RedisServer } from "../../_support/redis.ts";
import { startRunnable } from "../../_support/runnable.ts";
import { type SentSpan, serveTelemetry } from "../../_support/telemetry.ts";
import { until } from "../../_support/until.ts";
import { Browser } from "./_browser.ts";

const SCOPE = "@portside/kit/examples/chat";

/** Reports spans soon. */
const SOON = { OTEL_BSP_SCHEDULE_DELAY: "50", OTEL_METRICS_EXPORTER: "none" };

const FLAGS = ["--port=0", "--web-port=0", "--rate=0", "--log-level=error"];

/** Returns the names of a span and of all those above it, the first one last. */
function pathOf(spans: readonly SentSpan[], { name, parentSpanId }: SentSpan): string {
  const above = spans.find(({ spanId }) => spanId === parentSpanId);
  return above === undefined ? name : `${name} < ${pathOf(spans, above)}`;
}

const SENT = "chat page send";
const RECEIVED = `chat node receive < ${SENT}`;
const APPENDED = `chat bus append < ${RECEIVED}`;
const READ = `chat bus read < ${APPENDED}`;
const DELIVERED = `chat deliver < ${READ}`;

Deno.test({
  name: `a line from a page to a page of another node is one trace${redis.suffix}${chrome.suffix}`,
  ignore: redis.ignore || chrome.ignore,
  async fn() {
    await using receiver = serveTelemetry();
    await using bus = await RedisServer.start();
    const start = () =>
      startRunnable("chat", [...FLAGS, `--bus=${bus.url}`, "--bus-lease=60s"], {
        listeners: 2,
        permissions: ["-A"],
        env: { ...receiver.env, ...SOON },
      });
    await using one = await start();
    await using two = await start();
    const browser = await launchChrome();
    try {
      const join = async (origin: string, name: string) => {
        const page = await (await browser.newContext({ locale: "en-US" })).newPage();
        await page.goto(origin);
        await page.fill("#name", name);
        await page.press("#name", "Enter");
        await page.waitForSelector("#chat:not([hidden])");
        return page;
      };
      const ann = await join(one.urls[1]!.origin, "Ann");
      const bob = await join(two.urls[1]!.origin, "Bob");
      await ann.locator("#people li", { hasText: "Bob" }).waitFor();
      await ann.fill("#text", "traced");
      await ann.press("#text", "Enter");
      await bob.locator("#log > p", { hasText: "traced" }).waitFor();
      await until(() => receiver.spans.get(SCOPE)?.length === 8);
      const spans = receiver.spans.get(SCOPE)!;
      assertEquals(new Set(spans.map(({ traceId }) => traceId)).size, 1);
      assertEquals(
        spans.map((span) => pathOf(spans, span)).sort(),
        [
          SENT,
          RECEIVED,
          APPENDED,
          READ,
          READ,
          DELIVERED,
          DELIVERED,
          `chat page show < ${DELIVERED}`,
        ].sort(),
      );
    } finally {
      await browser.close();
    }
  },
});

Deno.test("a client can give a line a trace of its own, and one process writes its spans", async () => {
  await using receiver = serveTelemetry();
  await using chat = await startRunnable("chat", FLAGS, {
    listeners: 2,
    env: { ...receiver.env, ...SOON },
  });
  const url = chat.urls[1]!.origin;
  await using ann = new Browser(url);
  await using bob = new Browser(url);
  await ann.join("Ann");
  await bob.join("Bob");
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  ann.send({ type: "say", text: "mine", id: 1, traceparent });
  const own = await ann.next("message");
  const seen = await bob.next("message");
  assert(typeof own.trace === "string" && own.trace.includes(traceId));
  assertEquals(seen.trace, own.trace);
  bob.send({ type: "shown", traces: [seen.trace, "00-other", seen.trace] });
  ann.send({ type: "shown", traces: [own.trace] });
  const spans = () => receiver.spans.get(SCOPE) ?? [];
  await until(() => spans().length === 4);
  ann.send({ type: "say", text: "/who", id: 2, traceparent: "none" });
  await ann.next("reply");
  await until(() => spans().length === 6);
  assertEquals(
    spans().map((span) => [span.traceId === traceId, pathOf(spans(), span)]).sort(),
    [
      [true, SENT],
      [true, RECEIVED],
      [true, `chat deliver < ${RECEIVED}`],
      [true, `chat page show < chat deliver < ${RECEIVED}`],
      [false, SENT],
      [false, RECEIVED],
    ].sort(),
  );
  const [first] = spans().filter(({ name, traceId: id }) => name === SENT && id === traceId);
  assertEquals(first!.parentSpanId, "b7ad6b7169203331");
});
