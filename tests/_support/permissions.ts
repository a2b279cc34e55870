/**
 * Declared against used permissions: `deno.json` says what a runnable may do, the audit log of
 * Deno (`DENO_AUDIT_PERMISSIONS`) says what it did.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** Permissions as pairs like `net 127.0.0.1`; `*` stands for everything. */
export type PermissionSet = ReadonlySet<string>;

/** What `deno.json` declares for a runnable. */
export function declaredPermissions(name: string): PermissionSet {
  const sets: Readonly<Record<string, Readonly<Record<string, unknown>>>> = config.permissions;
  const set = sets[name];
  if (set === undefined) throw new Error(`No permission set in deno.json: ${name}`);
  const pairs = Object.entries(set).flatMap(([permission, values]) => {
    if (values === true) return [`${permission} *`];
    return Array.isArray(values) ? values.map((value) => `${permission} ${value}`) : [];
  });
  return new Set(pairs);
}

/** What an audit log says was used; for the network the host, since ports are flags. */
export function usedPermissions(log: string): PermissionSet {
  const pairs = log.split("\n").filter((line) => line !== "").map((line) => {
    const { permission, value } = JSON.parse(line) as { permission: string; value?: string };
    const target = value ?? "*";
    return `${permission} ${permission === "net" ? hostOf(target) : target}`;
  });
  return new Set(pairs);
}

/** The host of `host:port`, or of the URL with which a WebSocket asks. */
function hostOf(target: string): string {
  return target.replace(/^wss?:\/\/([^/]+).*$/, "$1").replace(/:\d+$/, "");
}

/** How declared and used permissions differ; two empty lists mean that they are the same. */
export interface PermissionDifference {
  /** Declared, and never used: too wide. */
  unused: string[];
  /** Used, and not declared: refused in real life. */
  undeclared: string[];
}

/** Compares what a runnable may do with what it did. */
export function comparePermissions(
  declared: PermissionSet,
  used: PermissionSet,
): PermissionDifference {
  const covers = (wide: string, narrow: string) =>
    wide === narrow || (wide.endsWith(" *") && narrow.startsWith(wide.slice(0, -1)));
  return {
    unused: [...declared].filter((wide) => ![...used].some((narrow) => covers(wide, narrow))),
    undeclared: [...used].filter((narrow) => ![...declared].some((wide) => covers(wide, narrow))),
  };
}
