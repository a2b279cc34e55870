import {
  createClient,
  type HttpClientOptions,
  type HttpCommonOptions,
  type HttpRequestOptions,
} from "../../../http/client/client.ts";
import { download, type DownloadOptions } from "../../../http/client/download.ts";
import { eventSource, type EventSourceOptions } from "../../../http/client/event_source.ts";
import { fetchAll, type FetchAllOptions } from "../../../http/client/fetch_all.ts";
import { backoffDelay, type HttpRetryOptions, retryPolicy } from "../../../http/client/retry.ts";
import { checkEveryOption, type OptionKind } from "../../_support/options.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

const gone = AbortSignal.abort();
const URL_OF_NONE = "http://127.0.0.1:1/";

const COMMON: Record<keyof Required<HttpCommonOptions>, OptionKind> = {
  headers: "none",
  params: "text",
  auth: "none",
  timeouts: "none",
  retry: "none",
  maxRedirects: "count",
  raiseForStatus: "none",
  maxBody: "count",
  expectContinue: "count",
};

const REQUEST: Record<keyof Required<HttpRequestOptions>, OptionKind> = {
  ...COMMON,
  signal: "none",
  onDownload: "none",
  json: "any",
  form: "text",
  multipart: "none",
  body: "text",
  onUpload: "none",
};

Deno.test("createClient() checks every option", async () => {
  await checkEveryOption<HttpClientOptions>("createClient", {
    ...COMMON,
    baseUrl: "none",
    maxPerHost: "count",
    maxQueued: "count",
    idleTimeout: "time",
    http2: "none",
    rateLimit: "none",
    cookies: "none",
    cache: "none",
    hooks: "none",
    proxy: "none",
    dialer: "none",
    unixSocket: "text",
    caCerts: "none",
    cert: "text",
    key: "text",
    pin: "none",
    minVersion: "none",
    inspectTls: "none",
    connectTimeout: "time",
    resolve: "none",
    allow: "none",
    publicOnly: "none",
  }, (options) => createClient(options).close());
});

Deno.test("extend() checks every option", async () => {
  await using client = createClient();
  await checkEveryOption<Parameters<typeof client.extend>[0]>(
    "extend",
    { ...COMMON, baseUrl: "none", hooks: "none" },
    (options) => client.extend(options),
  );
});

Deno.test("every method of a client checks every option of a request", async () => {
  await using client = createClient();
  const methods = ["get", "head", "options", "post", "put", "patch", "delete"] as const;
  for (const method of methods) {
    await checkEveryOption<HttpRequestOptions>(
      "a request",
      REQUEST,
      (options) => client[method](URL_OF_NONE, { signal: gone, ...options }),
    );
  }
  await checkEveryOption<HttpRequestOptions>(
    "a request",
    REQUEST,
    (options) => client.request("QUERY", URL_OF_NONE, { signal: gone, ...options }),
  );
});

Deno.test("groups of options of a client are checked by name and by value", () => {
  const rows: Array<[object, string]> = [
    [{ timeouts: { totl: 1 } }, 'no option "timeouts.totl"; did you mean "total"?'],
    [{ timeouts: { body: "5" } }, "timeouts.body must be a number of milliseconds"],
    [{ retry: { maxAttempts: 3 } }, 'no option "retry.maxAttempts"'],
    [{ retry: { statusForcelist: ["500"] } }, "retry.statusForcelist[0] must be an integer"],
    [{ auth: { user: "a", password: "b" } }, 'no option "auth.user"; did you mean "username"?'],
    [{ auth: { username: "a" } }, "auth must have either username and password, or bearer"],
    [{ auth: { bearer: 7 } }, "auth.bearer must be a string"],
    [{ hooks: { beforeRequest: true } }, "hooks.beforeRequest must be a function"],
    [{ dialer: { connectTimeout: NaN } }, "dialer.connectTimeout must be"],
    [{ rateLimit: { requests: 1 } }, "rateLimit.per must be a number above 0, got undefined"],
    [{ proxy: { url: "gopher://a" } }, "proxy.url must be a URL"],
    [{ proxy: { url: "http://a", noProxy: [1] } }, "proxy.noProxy[0] must be a string"],
    [{ caCerts: ["x"] }, "caCerts[0] must be a certificate in PEM"],
  ];
  for (const [options, message] of rows) {
    assertThrows(() => createClient(options as never), Error, message);
  }
});

Deno.test("a proxy that cannot be used is named once", () => {
  const error = assertThrows(() => createClient({ proxy: "gopher://a" }), TypeError);
  assertEquals(
    error.message,
    "proxy must be a URL of http, https, socks5 or socks5h, such as " +
      "http://user:password@host:3128, got another string",
  );
});

Deno.test("errors of options do not show credentials", () => {
  for (
    const options of [
      { auth: { username: "a:b", password: "hidden" } },
      { auth: { username: "a", password: ["hidden"] } },
      { proxy: { url: "gopher://a:hidden@b" } },
      { baseUrl: "ftp://a:hidden@b" },
    ]
  ) {
    const error = assertThrows(() => createClient(options as never), TypeError);
    assert(!error.message.includes("hidden"), error.message);
  }
});

Deno.test("download() checks every option and the file", async () => {
  const { maxBody: _, raiseForStatus: __, ...common } = COMMON;
  await checkEveryOption<DownloadOptions>("download", {
    ...common,
    signal: "none",
    onDownload: "none",
    client: "none",
    size: "integer",
    maxSize: "count",
    digest: "none",
    resume: "none",
    parallel: "none",
    remoteName: "none",
  }, (options) => download(URL_OF_NONE, "/nowhere/file", { signal: gone, ...options }));
  await assertRejects(() => download(URL_OF_NONE, ""), TypeError, "file must be a path");
});

Deno.test("eventSource() checks every option before the first event is awaited", async () => {
  await checkEveryOption<EventSourceOptions>("eventSource", {
    method: "none",
    reconnect: "none",
    json: "any",
    form: "text",
    multipart: "none",
    body: "text",
    onUpload: "none",
    expectContinue: "count",
    headers: "none",
    params: "text",
    auth: "none",
    maxRedirects: "count",
    signal: "none",
    timeouts: "none",
    client: "none",
    lastEventId: "text",
    reconnectDelay: "time",
    minReconnectDelay: "time",
    maxReconnectDelay: "time",
    maxFailures: "count",
    maxEvent: "count",
    onReconnect: "none",
  }, (options) => void eventSource(URL_OF_NONE, options));
});

Deno.test("fetchAll() checks every option and the URLs", async () => {
  await checkEveryOption<FetchAllOptions<unknown>>("fetchAll", {
    concurrency: "count",
    signal: "none",
    client: "none",
    request: "none",
    read: "none",
  }, (options) => void fetchAll([], options));
  assertThrows(() => fetchAll(URL_OF_NONE), TypeError, "urls must be an iterable of URLs");
});

Deno.test("retryPolicy() and backoffDelay() check every option", async () => {
  const backoff = { backoffFactor: "number", jitter: "time", maxBackoff: "time" } as const;
  await checkEveryOption<HttpRetryOptions>("retryPolicy", {
    ...backoff,
    total: "count",
    connect: "count",
    read: "count",
    status: "count",
    redirect: "count",
    other: "count",
    statusForcelist: "none",
    methods: "none",
    respectRetryAfter: "none",
    maxRetryAfter: "time",
  }, (options) => retryPolicy(options));
  await checkEveryOption<NonNullable<Parameters<typeof backoffDelay>[1]>>(
    "backoffDelay",
    backoff,
    (options) => backoffDelay(2, options),
  );
  assertThrows(() => backoffDelay(NaN), RangeError, "failures must be");
});
