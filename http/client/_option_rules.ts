/** The rules for the options of the client, of a request and of what is built on them. */

import {
  anything,
  callback,
  type Check,
  count,
  either,
  flag,
  group,
  integer,
  limit,
  listOf,
  milliseconds,
  numberFrom,
  oneOf,
  OptionRules,
  positive,
  required,
  rule,
  type RuleSet,
  signal,
  word,
} from "../../net/internal/options.ts";
import { socketPath } from "../../net/internal/host_rules.ts";
import { TLS_CLIENT } from "../../net/internal/tls_rules.ts";
import type { HttpCacheOptions } from "./cache.ts";
import type {
  HttpClientOptions,
  HttpCommonOptions,
  HttpConnectSettings,
  HttpDialer,
  HttpFetchOptions,
  HttpHooks,
  HttpRateLimit,
  HttpRequestOptions,
  HttpTimeouts,
} from "./options.ts";
import { proxyRule } from "../internal/proxy_choice.ts";
import type { HttpRetryOptions } from "./retry_options.ts";

/** The options that `client.extend` takes. */
export type ExtendOptions = HttpCommonOptions & Pick<HttpClientOptions, "baseUrl" | "hooks">;

/** A string that no error shows. */
const secret: Check = (name, value) => {
  if (typeof value === "string") return;
  throw new TypeError(`${name} must be a string, got a value of type ${typeof value}`);
};

const LOGIN = group(
  new OptionRules<Record<"username" | "password" | "scheme" | "bearer", unknown>>({
    scheme: oneOf("basic", "digest"),
    username: secret,
    password: secret,
    bearer: (name, value) => {
      if (typeof value !== "function") secret(name, value);
    },
  }),
);

/** Checks credentials (RFC 7617 §2, RFC 7616 §3.4). */
export function checkCredentials(name: string, value: unknown): object {
  const login = LOGIN(name, value) as Record<string, unknown>;
  const { username, password, scheme, bearer } = login;
  if (bearer !== undefined && username === undefined && password === undefined) return login;
  if (bearer !== undefined || typeof username !== "string" || typeof password !== "string") {
    throw new TypeError(`${name} must have either username and password, or bearer`);
  }
  // deno-lint-ignore no-control-regex -- these characters could break a header
  const unsafe = /[\x00-\x1f\x7f]/.test(username + password);
  if (unsafe || (username.includes(":") && scheme !== "digest")) {
    throw new TypeError(`${name} must have no colon in username and no control characters`);
  }
  return login;
}

/** Credentials, a function that returns them, or null for none. */
const auth: Check = (name, value) => {
  return value === null || typeof value === "function" ? undefined : checkCredentials(name, value);
};

const headers = rule(
  "Headers, an array of pairs or an object",
  (value) => typeof value === "object" && value !== null,
);
const params = rule(
  "a string, URLSearchParams, pairs or an object",
  (value) => typeof value === "string" || (typeof value === "object" && value !== null),
);

/** The rules for the time limits of a request. */
export const TIMEOUTS = new OptionRules<HttpTimeouts>({
  queue: milliseconds,
  headers: milliseconds,
  body: milliseconds,
  total: milliseconds,
});

/** The rules for the options of retrying. */
export const RETRY = new OptionRules<HttpRetryOptions>({
  total: limit,
  connect: limit,
  read: limit,
  status: limit,
  redirect: limit,
  other: limit,
  backoffFactor: numberFrom(0),
  jitter: milliseconds,
  maxBackoff: milliseconds,
  statusForcelist: listOf(integer(100, 999)),
  methods: listOf(word),
  respectRetryAfter: flag,
  maxRetryAfter: milliseconds,
});

const COMMON = new OptionRules<HttpCommonOptions>({
  headers,
  params,
  auth,
  timeouts: group(TIMEOUTS),
  retry: either(false, group(RETRY)),
  maxRedirects: limit,
  raiseForStatus: rule(
    "true, false or a function",
    (value) => typeof value === "boolean" || typeof value === "function",
  ),
  maxBody: count,
  expectContinue: (name, value) => {
    if (typeof value !== "boolean") return count(name, value);
  },
});

/** The rules for the options of `client.extend`. */
export const EXTEND = new OptionRules<ExtendOptions>({
  ...COMMON.rules,
  baseUrl: rule(
    "an http or https URL",
    (value) => value instanceof URL || typeof value === "string",
  ),
  hooks: group(
    new OptionRules<HttpHooks>({
      beforeRequest: callback,
      afterResponse: callback,
      informational: callback,
      beforeRetry: callback,
    }),
  ),
});

const CACHE = group(
  new OptionRules<HttpCacheOptions>({
    store: rule(
      "a store with get, set and delete",
      (value) => ["get", "set", "delete"].every((name) => hasMethod(value, name)),
    ),
    maxEntry: count,
  }),
);

const CONNECT = {
  connectTimeout: milliseconds,
  resolve: callback,
  allow: callback,
  publicOnly: flag,
} satisfies RuleSet<HttpConnectSettings>;

const DIALER = group(new OptionRules<HttpDialer>({ ...CONNECT, onDial: callback }));

/** The rules for the options of `createClient`. */
export const CLIENT = new OptionRules<HttpClientOptions>({
  ...EXTEND.rules,
  ...CONNECT,
  maxPerHost: count,
  maxQueued: count,
  idleTimeout: milliseconds,
  http2: flag,
  rateLimit: group(
    new OptionRules<HttpRateLimit>({ requests: required(count), per: required(positive) }),
  ),
  cookies: rule(
    "true, false or a cookie jar",
    (value) =>
      typeof value === "boolean" || (hasMethod(value, "cookies") && hasMethod(value, "store")),
  ),
  cache: (name, value) => {
    if (typeof value !== "boolean") return CACHE(name, value);
  },
  proxy: proxyRule,
  dialer: (name, value) => {
    if (typeof value !== "boolean") return DIALER(name, value);
  },
  unixSocket: socketPath,
  caCerts: TLS_CLIENT.rules.caCerts,
  cert: TLS_CLIENT.rules.cert,
  key: TLS_CLIENT.rules.key,
  pin: TLS_CLIENT.rules.pin,
  minVersion: TLS_CLIENT.rules.minVersion,
  inspectTls: flag,
});

/** The rules for the options of one request without a body. */
export const FETCH = new OptionRules<HttpFetchOptions>({
  ...COMMON.rules,
  signal,
  onDownload: callback,
});

/** The rules for the options of one request. */
export const REQUEST = new OptionRules<HttpRequestOptions>({
  ...FETCH.rules,
  json: anything,
  form: params,
  multipart: rule(
    "FormData or an object",
    (value) => typeof value === "object" && value !== null,
  ),
  body: rule(
    "a string, bytes, a Blob, a form, a stream or null",
    (value) => typeof value === "string" || typeof value === "object",
  ),
  onUpload: callback,
});

/** A client that another function uses. */
export const aClient = rule("a client of createClient", (value) => hasMethod(value, "get"));

/** Returns rules without those for some options. */
export function without<T extends object, K extends keyof T>(
  { rules }: OptionRules<T>,
  ...names: readonly K[]
): OptionRules<Omit<T, K>> {
  const rest = Object.entries(rules).filter(([name]) => !names.includes(name as K));
  return new OptionRules<Omit<T, K>>(Object.fromEntries(rest) as RuleSet<Omit<T, K>>);
}

function hasMethod(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null &&
    typeof (value as Record<string, unknown>)[name] === "function";
}
