/**
 * Decides which proxy a client uses for a URL: the one of an option, or that of the environment.
 *
 * The environment has the variables of curl: `http_proxy` for `http:` and `ws:`, `https_proxy` for
 * `https:` and `wss:`, `all_proxy` for both, and `no_proxy`. The name in lower case comes first, then
 * the one in upper case. `HTTP_PROXY` is ignored in a CGI program, where a client can set it by the
 * header `Proxy` (CVE-2016-5385).
 *
 * The variables are read without a prompt. A variable that the program has no permission for counts
 * as not set.
 *
 * @module
 */

import {
  group,
  listOf,
  optionError,
  OptionRules,
  required,
  text,
} from "../../net/internal/options.ts";
import { pem } from "../../net/internal/tls_rules.ts";
import { type NoProxy, readNoProxy } from "./no_proxy.ts";
import { type ProxyServer, readProxy } from "./proxy_server.ts";
import { hostPortOf } from "./url_parts.ts";

/** A proxy with a login and exceptions. */
export interface ProxySetting {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The hosts that are reached without the proxy. */
  readonly noProxy?: string | readonly string[] | undefined;
  /** Authorities for the certificate of an `https:` proxy. @default those of the client */
  readonly caCerts?: readonly string[] | undefined;
}

/** The proxy of a client: its URL, false for none, undefined for that of the environment. */
export type ProxyOption = string | URL | ProxySetting | false | undefined;

/** Returns the value of a variable; undefined if it is not set. */
export type ReadVariable = (name: string) => string | undefined;

/** The proxy for each URL. */
export interface ProxyChoice {
  /** Returns the proxy for a URL of `http:`, `https:`, `ws:` or `wss:`; undefined for none. */
  (url: URL): ProxyServer | undefined;
}

/**
 * Reads the option of a client, or the environment at the time of this call.
 *
 * @param option The value of the option.
 * @param name The name of the option, for messages.
 * @param variable Reads a variable. @default the environment of the process
 * @returns The proxy for each URL. It throws a `TypeError` for a URL whose variable is unusable.
 * @throws {TypeError} If the option has a URL or a login that cannot be used. No message shows them.
 */
export function chooseProxy(
  option: ProxyOption,
  name = "proxy",
  variable: ReadVariable = environment,
): ProxyChoice {
  if (option === false) return () => undefined;
  if (option === undefined) return fromEnvironment(variable);
  const setting = typeof option === "string" || option instanceof URL
    ? { url: String(option) }
    : option;
  const own = typeof option === "object" && !(option instanceof URL) ? `${name}.url` : name;
  const server = readProxy(own, setting);
  const direct = readNoProxy(setting.noProxy);
  return (url) => isDirect(direct, url) ? undefined : server;
}

const isWindows = Deno.build.os === "windows";
const names = listOf(text);

const SETTING = group(
  new OptionRules<ProxySetting>({
    url: required(text),
    username: text,
    password: text,
    noProxy: (name, value) => typeof value === "string" ? undefined : names(name, value),
    caCerts: listOf(pem),
  }),
);

/** Checks the value of an option. Its messages do not show a URL, which may contain a password. */
export function proxyRule(name: string, value: unknown): object | void {
  const plain = value === false || typeof value === "string" || value instanceof URL;
  if (!plain && (typeof value !== "object" || value === null)) {
    throw optionError(name, "a URL, an object with a URL, or false", value);
  }
  const copy = plain ? undefined : SETTING(name, value);
  chooseProxy((copy ?? value) as ProxyOption, name);
  return copy;
}

function fromEnvironment(variable: ReadVariable): ProxyChoice {
  const find = (...variables: readonly string[]) => {
    const name = variables.find((one) => variable(one));
    return name === undefined ? undefined : { name, value: variable(name)! };
  };
  const isCgi = variable("REQUEST_METHOD") !== undefined;
  const all = find("all_proxy", "ALL_PROXY");
  // Names of variables have no case on Windows.
  const names = !isCgi ? ["http_proxy", "HTTP_PROXY"] : isWindows ? [] : ["http_proxy"];
  const plain = find(...names) ?? all;
  const secure = find("https_proxy", "HTTPS_PROXY") ?? all;
  const direct = readNoProxy(find("no_proxy", "NO_PROXY")?.value);
  if (plain === undefined && secure === undefined) return () => undefined;
  const servers = new Map<string, ProxyServer>();
  return (url) => {
    const found = isSecure(url) ? secure : plain;
    if (found === undefined || isDirect(direct, url)) return undefined;
    const { name, value } = found;
    const known = servers.get(name);
    if (known !== undefined) return known;
    // curl takes `host:port` as well.
    const server = readProxy(name, { url: value.includes("://") ? value : `http://${value}` });
    servers.set(name, server);
    return server;
  };
}

function isDirect(direct: NoProxy, url: URL): boolean {
  const { hostname, port } = hostPortOf(url);
  return direct(hostname, port);
}

function isSecure({ protocol }: URL): boolean {
  return protocol === "https:" || protocol === "wss:";
}

function environment(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
