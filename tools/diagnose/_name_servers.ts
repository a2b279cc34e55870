/** Queries the name servers of this machine, or the one that the user named. */

import { type DnsAnswer, queryDns } from "../../net/dns/client.ts";
import { parseResolvConf } from "../../net/dns/resolv_conf.ts";
import type { DnsType } from "../../net/dns/record.ts";
import { NetError } from "../../net/errors/errors.ts";
import { withoutForeign } from "../../net/internal/dns_answers.ts";
import { interfaceCommands, runFirst } from "./_commands.ts";
import type { Walk } from "./_timed_step.ts";

/** An answer, and the type of the question. */
export type TypedAnswer = DnsAnswer & { readonly type: string };

/** The answers of the name servers; `silence` is the error if none of them answered. */
export interface Asked {
  readonly answers: TypedAnswer[];
  readonly silence?: NetError | undefined;
}

export const NOT_ASKED: Asked = { answers: [] };
export const ASK_OTHERS =
  "Check the network and the name servers, or try another one with --server.";

/** Queries `--server`, or the name servers of the system until one answers. */
export async function ask(walk: Walk, name: string, types: readonly DnsType[]): Promise<Asked> {
  const servers = walk.server ? [walk.server] : await systemNameServers(walk);
  let last: NetError | undefined;
  for (const { hostname, port } of servers.slice(0, 3)) {
    const { timeout, signal } = walk;
    const options = { server: hostname, port, timeout, signal: signal! };
    const all = await settle(
      Promise.all(types.map(async (type) => {
        const answer = await queryDns(name, type, options);
        const asked = answer.questions[0]?.name ?? name;
        return { ...answer, answers: withoutForeign(asked, type, answer.answers), type };
      })),
    );
    if (all.value !== undefined) return { answers: all.value };
    last = all.error;
  }
  // A server that the user gave must answer. The system may resolve the name without its servers.
  if (last !== undefined && walk.server) throw last;
  return { answers: [], silence: last };
}

/** Returns the name servers of this machine, if they can be determined. */
async function systemNameServers(walk: Walk): Promise<Array<{ hostname: string; port: number }>> {
  const found: string[] = [];
  if (walk.os === "windows") {
    const result = await runFirst(interfaceCommands(walk.os), walk);
    if ("ran" in result) found.push(...result.report.flatMap((one) => one.nameServers));
  } else {
    try {
      found.push(...parseResolvConf(await Deno.readTextFile("/etc/resolv.conf")).servers);
    } catch (error) {
      const known = error instanceof Deno.errors.NotCapable ||
        error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
      if (!known) throw error;
    }
  }
  return [...new Set(found)].map((hostname) => ({ hostname, port: 53 }));
}

/** Returns a failure of the network as a value. A missing permission is thrown. */
export async function settle<T>(
  promise: Promise<T>,
): Promise<{ value?: T; error?: NetError }> {
  try {
    return { value: await promise };
  } catch (error) {
    if (error instanceof NetError && error.kind !== "permission") return { error };
    throw error;
  }
}
