/** Queries the name servers of this machine, or those that the user named. */

import { reverseDnsName } from "../../net/dns/codec.ts";
import type { DnsAnswer } from "../../net/dns/client.ts";
import { parseResolvConf } from "../../net/dns/resolv_conf.ts";
import type { DnsType } from "../../net/dns/record.ts";
import { NetError } from "../../net/errors/errors.ts";
import { withoutForeign } from "../../net/internal/dns_answers.ts";
import { ask as askServer, type ServerTarget } from "../internal/name_server.ts";
import { isAddress } from "../internal/program_output.ts";
import { count } from "../internal/text.ts";
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
  let last: NetError | undefined;
  for (const server of await serversOf(walk)) {
    const all = await settle(Promise.all(types.map((type) => askOne(walk, server, name, type))));
    if (all.value !== undefined) return { answers: all.value };
    last = all.error;
  }
  // A server that the user gave must answer. The system may resolve the name without its servers.
  if (last !== undefined && walk.servers.length > 0) throw last;
  return { answers: [], silence: last };
}

/** Queries one server. */
export async function askOne(
  { settings, signal }: Walk,
  server: ServerTarget,
  name: string,
  type: DnsType,
): Promise<TypedAnswer> {
  return typed(name, type, await askServer(server, name, type, { settings, signal: signal! }));
}

/** Returns an answer with its type. Records of other names do not count. */
export function typed(name: string, type: DnsType, answer: DnsAnswer): TypedAnswer {
  const asked = answer.questions[0]?.name ?? name;
  return { ...answer, answers: withoutForeign(asked, type, answer.answers), type };
}

/** Returns `--server`, or the name servers of the system. */
export async function serversOf(walk: Walk): Promise<readonly ServerTarget[]> {
  if (walk.servers.length > 0) return walk.servers;
  return (await systemNameServers(walk)).slice(0, 3).map((server) => ({ server }));
}

/** Returns the name servers of this machine, if they can be determined. */
async function systemNameServers(walk: Walk): Promise<string[]> {
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
  return [...new Set(found)];
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

/** Returns the number of records of each type that was asked for. */
export function recordsFound(answers: readonly TypedAnswer[]): string {
  return answers.flatMap(({ type, answers: records }) => {
    const some = records.filter((record) => record.type === type).length;
    return some > 0 ? [count(some, `${type} record`)] : [];
  }).join(", ");
}

/** Returns the name to ask for and the types. An address has a name as well, for its host. */
export function questionOf(
  { hop: { host }, types }: Walk,
  usual: readonly DnsType[],
): { name: string; types: readonly DnsType[] } {
  if (!isAddress(host)) return { name: host, types: types ?? usual };
  return { name: reverseDnsName(host.replace(/%.*$/, "")), types: ["PTR"] };
}
