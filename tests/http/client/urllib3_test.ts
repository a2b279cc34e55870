import { assertEquals } from "@std/assert";
import { createClient, type HttpClientOptions } from "../../../http/client/client.ts";
import { HttpRequestError, HttpStatusError, type HttpTry } from "../../../http/client/errors.ts";
import type { HttpRetryOptions } from "../../../http/client/retry.ts";
import { needsPython, pythonWith } from "../../_support/peers.ts";
import { runPeer } from "../../_support/runnable.ts";
import { deadPort, RawServer } from "../../_support/http_servers.ts";

/** Asks as the scenario says, and tells for how long it would have slept and what came of it. */
const SCRIPT = `
import json, sys, urllib3, urllib3.util.retry as module

class Time:
    def __getattr__(self, name):
        return getattr(original, name)
    def sleep(self, seconds):
        sleeps.append(seconds)

original, module.time, out = module.time, Time(), []
for one in json.load(sys.stdin):
    sleeps, outcome = [], None
    pool = urllib3.PoolManager()
    limit = one["retry"].pop("maxBackoff", 120)
    class Retry(urllib3.Retry):
        DEFAULT_BACKOFF_MAX = limit
    retry = Retry(raise_on_status=False, **one["retry"])
    if hasattr(retry, "backoff_max"):
        retry.backoff_max = limit
    try:
        outcome = pool.request(one["method"], one["url"], retries=retry, timeout=20,
            body="x" if one["method"] not in ("GET", "HEAD", "DELETE", "OPTIONS") else None).status
    except urllib3.exceptions.HTTPError:
        outcome = "failed"
    out.append({"sleeps": sleeps, "outcome": outcome})
    pool.clear()
print(json.dumps(out))
`;

interface Scenario {
  readonly name: string;
  readonly method?: string;
  /** The answers one after the other, the last one for ever; "" hangs up, none: nobody listens. */
  readonly answers: readonly string[];
  readonly retry?: HttpRetryOptions;
}

const FACTOR = 0.01;

const SCENARIOS: readonly Scenario[] = [
  { name: "it works at the third try", answers: ["503", "503", "200"] },
  { name: "it never works", answers: ["500"] },
  { name: "POST is not tried again", method: "POST", answers: ["503"] },
  { name: "PUT is", method: "PUT", answers: ["502", "504", "500", "200"] },
  { name: "DELETE is", method: "DELETE", answers: ["500", "200"] },
  { name: "PATCH is not", method: "PATCH", answers: ["500"] },
  { name: "HEAD is", method: "HEAD", answers: ["500"] },
  {
    name: "POST is where the methods say so",
    method: "POST",
    answers: ["500"],
    retry: { methods: ["POST"] },
  },
  { name: "the server hangs up", answers: [""] },
  { name: "the server hangs up on POST", method: "POST", answers: [""] },
  { name: "hanging up and statuses count together", answers: ["", "503", "", "503", "200"] },
  { name: "a limit for statuses", answers: ["503"], retry: { status: 1 } },
  { name: "a limit for reads", answers: ["", "", "200"], retry: { read: 1 } },
  { name: "no retries", answers: ["503"], retry: { total: 0 } },
  { name: "nobody listens", answers: [] },
  { name: "nobody listens to POST", method: "POST", answers: [] },
  { name: "a limit for connecting", answers: [], retry: { connect: 1 } },
  { name: "another status", answers: ["501", "200"] },
  { name: "a list of statuses", answers: ["418", "200"], retry: { statusForcelist: [418] } },
  { name: "429 without Retry-After", answers: ["429"] },
  { name: "429 with Retry-After", answers: ["429 1", "200"] },
  { name: "413 and 503 with Retry-After", answers: ["413 0", "503 0", "413 0", "413 0", "200"] },
  { name: "Retry-After in the past", answers: ["503 Thu, 01 Jan 1970 00:00:00 GMT"] },
  {
    name: "Retry-After of nobody's concern",
    answers: ["503 1"],
    retry: { respectRetryAfter: false },
  },
  { name: "Retry-After with POST", method: "POST", answers: ["503 1"] },
  { name: "the backoff has a cap", answers: ["503"], retry: { total: 5, maxBackoff: 50 } },
  {
    name: "a redirect starts the backoff anew",
    answers: ["503", "503", "302", "503", "503", "200"],
    retry: { total: 9 },
  },
];

function answerOf(text: string): string {
  if (text === "") return "";
  const [, status, after] = /^(\d+)(?: (.+))?$/.exec(text)!;
  const more = after === undefined ? "" : `Retry-After: ${after}\r\n`;
  const to = status === "302" ? "Location: /next\r\n" : "";
  return `HTTP/1.1 ${status} Told\r\n${more}${to}Content-Length: 0\r\nConnection: close\r\n\r\n`;
}

function serverOf({ answers }: Scenario): RawServer {
  return new RawServer((index) => answerOf(answers[Math.min(index, answers.length - 1)] ?? ""));
}

/** What urllib3 calls the same. */
function theirs({ backoffFactor: backoff_factor = FACTOR, ...given }: HttpRetryOptions = {}) {
  const { statusForcelist, methods, respectRetryAfter, maxBackoff, ...plain } = given;
  return {
    total: 3,
    ...plain,
    backoff_factor,
    status_forcelist: statusForcelist ?? [500, 502, 503, 504],
    ...methods === undefined ? {} : { allowed_methods: methods },
    ...respectRetryAfter === undefined ? {} : { respect_retry_after_header: respectRetryAfter },
    ...maxBackoff === undefined ? {} : { maxBackoff: maxBackoff / 1000 },
  };
}

async function ask(url: string, { method = "GET", retry }: Scenario) {
  const options: HttpClientOptions = { retry: { backoffFactor: FACTOR, ...retry } };
  await using client = createClient(options);
  const bodiless = /^(GET|HEAD|DELETE|OPTIONS)$/.test(method);
  let history: readonly HttpTry[] = [];
  let outcome: number | "failed" = "failed";
  try {
    const response = await client.request(method, url, {
      raiseForStatus: false,
      ...bodiless ? {} : { body: "x" },
    });
    ({ history, status: outcome } = response);
  } catch (error) {
    if (!(error instanceof HttpRequestError || error instanceof HttpStatusError)) throw error;
    history = error.history;
  }
  const sleeps = history.map(({ delay = 0 }) => delay / 1000).filter((delay) => delay > 0);
  return { sleeps, outcome };
}

const urllib3 = needsPython("urllib3");

Deno.test({
  name: `retries are as many as those of urllib3, and wait as long${urllib3.suffix}`,
  ignore: urllib3.ignore,
  fn: async () => {
    const gone = `http://127.0.0.1:${deadPort()}/`;
    const theirServers = SCENARIOS.map(serverOf);
    const input = SCENARIOS.map(({ method = "GET", answers, retry }, i) => ({
      method,
      url: answers.length === 0 ? gone : theirServers[i]!.url,
      retry: theirs(retry),
    }));
    const { stdout, stderr } = await runPeer(
      pythonWith("urllib3")!,
      ["-c", SCRIPT],
      JSON.stringify(input),
    );
    assertEquals(stderr, "");
    const results = JSON.parse(stdout) as unknown[];
    for (const [i, scenario] of SCENARIOS.entries()) {
      await using server = serverOf(scenario);
      const ours = await ask(scenario.answers.length === 0 ? gone : server.url, scenario);
      const count = server.heard.length;
      assertEquals({ ...ours, count }, {
        ...results[i] as object,
        count: theirServers[i]!.heard.length,
      }, scenario.name);
    }
    for (const server of theirServers) await server[Symbol.asyncDispose]();
  },
});
