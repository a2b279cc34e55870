import { accessLog, type AccessLogOptions } from "../../../http/handlers/access_log.ts";
import { basicAuth, type BasicAuthOptions } from "../../../http/handlers/auth.ts";
import { bearerAuth, type BearerAuthOptions } from "../../../http/handlers/auth.ts";
import { compress, type CompressOptions, decompress } from "../../../http/handlers/compress.ts";
import type { DecompressOptions } from "../../../http/handlers/compress.ts";
import { cors, type CorsOptions } from "../../../http/handlers/cors.ts";
import { eventStream, type EventStreamOptions } from "../../../http/handlers/event_stream.ts";
import { type FormLimits, formParts, readForm } from "../../../http/handlers/form.ts";
import type { ReadFormOptions } from "../../../http/handlers/form.ts";
import { readJson, type ReadJsonOptions } from "../../../http/handlers/json.ts";
import { rateLimit, type RateLimitOptions } from "../../../http/handlers/rate_limit.ts";
import { group, router, type RouterOptions } from "../../../http/handlers/router.ts";
import { staticFiles, type StaticFilesOptions } from "../../../http/handlers/static_files.ts";
import { checkEveryOption } from "../../_support/options.ts";
import { assertRejects, assertThrows } from "@std/assert";

const handler = () => new Response();
const request = () => new Request("http://localhost/", { method: "POST", body: "{}" });

Deno.test("accessLog() checks every option", async () => {
  await checkEveryOption<AccessLogOptions>(
    "accessLog",
    { log: "none", trustRequestId: "none" },
    (options) => accessLog(handler, options),
  );
});

Deno.test("basicAuth() and bearerAuth() check every option", async () => {
  await checkEveryOption<BasicAuthOptions>(
    "basicAuth",
    { users: "none", verify: "none", realm: "text" },
    (options) => basicAuth(handler, { users: {}, ...options }),
  );
  await checkEveryOption<BearerAuthOptions>(
    "bearerAuth",
    { tokens: "none", verify: "none", realm: "text" },
    (options) => bearerAuth(handler, { tokens: [], ...options }),
  );
  const users = { ada: 5 } as never;
  const none = undefined as never;
  assertThrows(() => basicAuth(handler, none), TypeError, "the options of basicAuth must be");
  assertThrows(() => bearerAuth(handler, none), TypeError, "the options of bearerAuth must be");
  assertThrows(() => basicAuth(handler, { users }), TypeError, "users.ada must be a string");
  const tokens = [""];
  assertThrows(() => bearerAuth(handler, { tokens }), TypeError, "tokens[0] must be a string that");
});

Deno.test("compress() and decompress() check every option", async () => {
  await checkEveryOption<CompressOptions>(
    "compress",
    { encodings: "none", levels: "none", minSize: "count", types: "none" },
    (options) => compress(handler, options),
  );
  await checkEveryOption<DecompressOptions>(
    "decompress",
    { maxBody: "count" },
    (options) => decompress(handler, options),
  );
  const levels = { zip: 1 } as never;
  assertThrows(() => compress(handler, { levels }), TypeError, 'levels has no option "levels.zip"');
});

Deno.test("cors() checks every option", async () => {
  await checkEveryOption<CorsOptions>("cors", {
    origins: "none",
    methods: "none",
    headers: "none",
    exposeHeaders: "none",
    credentials: "none",
    maxAge: "integer",
  }, (options) => cors(handler, { origins: "*", ...options }));
  assertThrows(() => cors(handler, {} as never), TypeError, "origins must be");
});

Deno.test("eventStream() checks every option", async () => {
  await checkEveryOption<EventStreamOptions>(
    "eventStream",
    { keepAlive: "time" },
    (options) => eventStream(async function* () {}, options),
  );
});

Deno.test("readForm() and formParts() check every option", async () => {
  const limits = {
    maxSize: "count",
    maxParts: "count",
    maxFieldSize: "count",
    maxFileSize: "count",
  } as const;
  await checkEveryOption<FormLimits>(
    "formParts",
    limits,
    (options) => formParts(request(), options),
  );
  await checkEveryOption<ReadFormOptions>(
    "readForm",
    { ...limits, onFile: "none" },
    (options) => readForm(request(), options),
  );
});

Deno.test("readJson(), readForm() and formParts() reject what is no request", async () => {
  for (
    const [value, shown] of [[{}, "an object"], [undefined, "undefined"], ["{}", 'string "{}"']]
  ) {
    const message = `request must be a Request, got ${shown}`;
    await assertRejects(() => readJson(value as never), TypeError, message);
    await assertRejects(() => readForm(value as never), TypeError, message);
    assertThrows(() => formParts(value as never), TypeError, message);
  }
});

Deno.test("readJson() checks every option", async () => {
  await checkEveryOption<ReadJsonOptions>(
    "readJson",
    { maxSize: "count", checkType: "none" },
    (options) => readJson(request(), options),
  );
});

Deno.test("rateLimit() checks every option", async () => {
  await checkEveryOption<RateLimitOptions>("rateLimit", {
    limit: "count",
    window: "count",
    key: "none",
    maxKeys: "count",
    store: "none",
    headers: "none",
  }, (options) => rateLimit(handler, options));
});

Deno.test("router() checks every option", async () => {
  await checkEveryOption<RouterOptions>(
    "router",
    { prefix: "none", notFound: "none" },
    (options) => router({}, options),
  );
});

Deno.test("staticFiles() checks every option", async () => {
  await checkEveryOption<StaticFilesOptions>("staticFiles", {
    root: "text",
    prefix: "none",
    index: "text",
    extensions: "none",
    fallback: "text",
    dotFiles: "none",
    precompressed: "none",
    etag: "none",
    cacheControl: "text",
    immutable: "none",
    headers: "none",
    mediaTypes: "none",
    notFound: "none",
  }, (options) => staticFiles({ root: ".", ...options }));
  const mediaTypes = { md: "a\r\nb" };
  assertThrows(() => staticFiles({ root: ".", mediaTypes }), TypeError, "mediaTypes.md must be");
});

Deno.test("a missing handler is a TypeError at once", async () => {
  const none = undefined as never;
  const rows: [name: string, call: () => unknown][] = [
    ["handler", () => accessLog(none)],
    ["handler", () => basicAuth(none, { users: {} })],
    ["handler", () => bearerAuth(none, { tokens: [] })],
    ["handler", () => compress(none)],
    ["handler", () => decompress(none)],
    ["handler", () => cors(none, { origins: "*" })],
    ["handler", () => rateLimit({ limit: 1 } as never, handler as never)],
    ["source", () => eventStream(none)],
    ["routes", () => router(none)],
    ["routes", () => group("/a", none)],
    ["wrap", () => group("/a", {}, "/b" as never)],
  ];
  for (const [name, call] of rows) assertThrows(call, TypeError, `${name} must be `);
  await assertRejects(
    () => readJson(request(), "5" as never),
    TypeError,
    "the options of readJson",
  );
});
