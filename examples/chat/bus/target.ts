/**
 * The URL of `--bus`: one Redis, a Sentinel, or a Cluster. Pure.
 *
 * | URL                                             | Meaning                                  |
 * | ----------------------------------------------- | ---------------------------------------- |
 * | `redis://[user:pass@]host[:port][/db]`          | one server                               |
 * | `redis+sentinel://[user:pass@]host[:port],host[:port]/name[/db]` | the primary of a Sentinel group |
 * | `redis+cluster://[user:pass@]host[:port],…`     | a Cluster                                |
 *
 * With `rediss` in place of `redis`, connections use TLS.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** The host and the port of a server. */
export interface BusHost {
  /** The name or the address; IPv6 without brackets. */
  readonly host: string;
  /** The port. */
  readonly port: number;
}

/** The parts of a URL of a bus. */
export interface BusTarget {
  /** The kind of the hosts. */
  readonly kind: "single" | "sentinel" | "cluster";
  /** Whether connections use TLS. */
  readonly tls: boolean;
  /** The servers, at least one. */
  readonly hosts: readonly BusHost[];
  /** The user of an access control list. */
  readonly username?: string;
  /** The password. */
  readonly password?: string;
  /** The name of the group that Sentinel watches. */
  readonly group?: string;
  /** The number of the database. */
  readonly database: number;
}

const URL_FORM =
  /^redis(?<tls>s?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<auth>[^@/]*)@)?(?<hosts>[^/@?#]+)(?<path>\/[^?#]*)?$/;

/**
 * Returns the parts of a URL of a bus.
 *
 * @param text The URL of the bus.
 * @returns The parts; undefined if the URL is invalid.
 */
export function parseBusTarget(text: string): BusTarget | undefined {
  const { tls, kind = "single", auth, hosts: list = "", path = "" } = URL_FORM.exec(text)?.groups ??
    {};
  const hosts = list.split(",").map((one) => hostOf(one, kind === "sentinel" ? 26379 : 6379));
  const words = path.split("/").slice(1).filter((word) => word !== "");
  const group = kind === "sentinel" ? decoded(words.shift()) : undefined;
  const [db = "0", ...rest] = words;
  const credentials = credentialsOf(auth);
  const isWhole = list !== "" && credentials !== undefined && rest.length === 0 &&
    /^\d{1,5}$/.test(db) && hosts.every((host) => host !== undefined);
  if (!isWhole) return undefined;
  if (kind === "single" && hosts.length > 1) return undefined;
  if (kind === "cluster" && words.length > 0) return undefined;
  if (kind === "sentinel" && group === undefined) return undefined;
  return {
    kind: kind as BusTarget["kind"],
    tls: tls === "s",
    hosts: hosts as BusHost[],
    ...credentials,
    ...group !== undefined && { group },
    database: Number(db),
  };
}

function hostOf(text: string, otherwise: number): BusHost | undefined {
  const [, v6, name, port] = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ??
    [];
  const host = v6 ?? name;
  const number = port === undefined ? otherwise : Number(port);
  return host === undefined || number < 1 || number > 65535 ? undefined : { host, port: number };
}

/** Returns the credentials before the `@`; undefined if they are not percent-encoded correctly. */
function credentialsOf(
  auth: string | undefined,
): Pick<BusTarget, "username" | "password"> | undefined {
  if (auth === undefined) return {};
  const at = auth.indexOf(":");
  const username = decoded(at === -1 ? auth : auth.slice(0, at));
  const password = at === -1 ? "" : decoded(auth.slice(at + 1));
  if (username === undefined || password === undefined) return undefined;
  return { ...username !== "" && { username }, ...password !== "" && { password } };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Returns a target without its password, for messages and the log. */
export function describeTarget({ kind, tls, hosts, group, database }: BusTarget): string {
  const scheme = `redis${tls ? "s" : ""}${kind === "single" ? "" : `+${kind}`}`;
  const places = hosts.map(({ host, port }) =>
    `${host.includes(":") ? `[${host}]` : host}:${port}`
  );
  const path = [...group === undefined ? [] : [group], ...database > 0 ? [`${database}`] : []];
  return `${scheme}://${places.join(",")}${path.map((word) => `/${word}`).join("")}`;
}
