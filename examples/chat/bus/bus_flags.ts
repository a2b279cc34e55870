/**
 * The flags of the chat on several machines, and the opening of its archive as they say.
 *
 * @module
 */

import {
  badValue,
  CliError,
  type CliLog,
  type CliValues,
  ExitCode,
  type None,
} from "../../../tools/cli.ts";
import { secretOf } from "../../login/secret.ts";
import { ArchiveError } from "../archive/archive_error.ts";
import { Housekeeper } from "../archive/housekeeper.ts";
import { type ChatStore, openStore, requireAccess } from "../store.ts";
import { keepLimits, type StoreFlags } from "../store_flags.ts";
import { BusArchive, type BusEvent } from "./bus_archive.ts";
import type { BusTls } from "./redis.ts";
import { type BusTarget, describeTarget, parseBusTarget } from "./target.ts";

/** The flags. */
export const busFlags = {
  bus: {
    type: "string",
    placeholder: "url",
    help:
      "Redis that several chats share, such as redis://user:password@host:6379/0; also rediss://, " +
      "redis+sentinel://host,host/name and redis+cluster://host,host",
  },
  busName: { type: "string", default: "main", help: "Name of the chat in --bus" },
  busWait: {
    type: "integer",
    default: 0,
    min: 0,
    max: 16,
    help: "Replicas of Redis that must have a line before users see it",
  },
  busLease: {
    type: "duration",
    default: "10s",
    min: "1s",
    max: "10m",
    help: "Time after which the others take over the users of a chat that has lost --bus",
  },
  busPasswordFile: {
    type: "string",
    placeholder: "file",
    help: "File with the password of --bus; or the variable PORTSIDE_BUS_PASSWORD",
  },
  busCa: {
    type: "string",
    placeholder: "file",
    help: "Authorities to trust with rediss://, as PEM",
  },
  busCert: { type: "string", placeholder: "file", help: "Certificate for rediss://, as PEM" },
  busKey: { type: "string", placeholder: "file", help: "Key of --bus-cert, as PEM" },
} as const;

/** The parsed values of the flags. */
export type BusFlags = CliValues<typeof busFlags, None>;

/** The values of all flags that the archive of a bus needs. */
type Values = BusFlags & StoreFlags & { readonly history: number; readonly maxUsers: number };

/** The time limit of a command: several attempts fit into a lease, unless it is short. */
const PART_OF_LEASE = 4;

/** The least time limit of a command, in milliseconds. */
const TIMEOUT = 2000;

/** The store of a chat that others share. */
export interface BusStore extends ChatStore {
  /** The archive. */
  readonly archive: BusArchive;
}

/**
 * Connects to the bus of the flags.
 *
 * @param values The values of the flags.
 * @param log The log of the program.
 * @returns The store; undefined without `--bus`.
 * @throws {CliError} If a flag is invalid, or the bus does not answer.
 */
export async function openBusStore(values: Values, log: CliLog): Promise<BusStore | undefined> {
  const target = await targetOf(values);
  if (target === undefined) return undefined;
  const { store, busName, busWait, busLease, maxUsers } = values;
  requireNet(target);
  const limits = keepLimits(values);
  const where = describeTarget(target);
  const archive = await open(values, {
    redis: {
      target,
      tls: await tlsOf(values, target),
      timeout: Math.max(TIMEOUT, busLease / PART_OF_LEASE),
    },
    name: busName,
    lease: busLease,
    wait: busWait,
    maxUsers,
    copy: () => openStore(values),
    isPermanent: store !== undefined,
    onEvent: (event) => logEvent(log, event),
  });
  const housekeeper = new Housekeeper(archive, {
    limits,
    onReport: ({ messages, users }) =>
      log.info("removed {messages} messages and {users} users", { messages, users }),
    onError: (error) => log.error("cannot remove old messages: {reason}", { reason: `${error}` }),
  });
  return {
    archive,
    announce() {
      log.info("messages are shared over {where}, {lines} lines so far", {
        where,
        lines: archive.lastSeq,
      });
      if (store !== undefined) log.info("a permanent copy is kept in {path}", { path: store });
    },
    async [Symbol.asyncDispose]() {
      await housekeeper[Symbol.asyncDispose]();
      await archive[Symbol.asyncDispose]();
    },
  };
}

async function open(
  { store }: Values,
  options: Parameters<typeof BusArchive.open>[0],
): Promise<BusArchive> {
  try {
    return await BusArchive.open(options);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    const flag = error.kind === "not-empty" && store !== undefined ? "--store" : "--bus";
    throw new CliError(`${flag}: ${error.message}`, ExitCode.failure, { cause: error });
  }
}

/** Returns the servers of the flags. */
async function targetOf(values: Values): Promise<BusTarget | undefined> {
  const { bus, busPasswordFile } = values;
  if (bus === undefined) {
    for (const name of ["busWait", "busPasswordFile", "busCa", "busCert", "busKey"] as const) {
      const value = values[name];
      if (value !== undefined && value !== 0) {
        throw badValue(flagOf(name), `${value}`, "--bus URL beside it");
      }
    }
    return undefined;
  }
  const target = parseBusTarget(bus);
  if (target === undefined) {
    // The URL can have a password, which belongs into no log.
    throw badValue("--bus", "…", "a URL such as redis://127.0.0.1:6379/0");
  }
  const password = busPasswordFile === undefined
    ? target.password ?? await secretOf({ variable: "PORTSIDE_BUS_PASSWORD" })
    : (await read(busPasswordFile)).trimEnd();
  return password === undefined ? target : { ...target, password };
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

async function tlsOf({ busCa, busCert, busKey }: Values, { tls }: BusTarget): Promise<BusTls> {
  for (
    const [flag, file] of [["--bus-ca", busCa], ["--bus-cert", busCert], ["--bus-key", busKey]]
  ) {
    if (file !== undefined && !tls) throw badValue(flag!, file, "a URL with rediss:// in --bus");
  }
  if (busCert !== undefined && busKey === undefined) {
    throw badValue("--bus-cert", busCert, "--bus-key FILE beside it");
  }
  if (busKey !== undefined && busCert === undefined) {
    throw badValue("--bus-key", busKey, "--bus-cert FILE beside it");
  }
  return {
    ...busCa !== undefined && { ca: await read(busCa) },
    ...busCert !== undefined && { cert: await read(busCert) },
    ...busKey !== undefined && { key: await read(busKey) },
  };
}

async function read(path: string): Promise<string> {
  requireAccess(path, "read");
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`Cannot read ${path}: ${reason}`, ExitCode.failure, { cause: error });
  }
}

/** Throws an error that names the missing flag if the program may not connect to the servers. */
function requireNet({ hosts }: BusTarget): void {
  const missing = hosts.map(({ host, port }) =>
    `${host.includes(":") ? `[${host}]` : host}:${port}`
  )
    .filter((host) => Deno.permissions.querySync({ name: "net", host }).state !== "granted");
  if (missing.length === 0) return;
  const flag = `--allow-net=${missing.join(",")}`;
  throw new CliError(`Permission is missing: run again with ${flag}`, ExitCode.missing);
}

function logEvent(log: CliLog, event: BusEvent): void {
  if (event.type === "back") return log.info("back on the bus as {node}", { node: event.node });
  const text = event.type === "lost"
    ? "all users are disconnected: {reason}"
    : "not on the bus: {reason}";
  log.error(text, { reason: event.reason });
}
