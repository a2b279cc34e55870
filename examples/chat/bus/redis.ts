/**
 * Connections to Redis: opened when they are needed, given up after a time limit, opened again.
 *
 * The client `redis` of npm is loaded when the first connection is opened, so that a chat without a bus
 * neither downloads nor loads it.
 *
 * **Permissions**: `--allow-net` for the servers.
 *
 * @module
 */

import { ArchiveError } from "../archive/archive_error.ts";
import { type BusTarget, describeTarget } from "./target.ts";

/** The least time limit of connecting, in milliseconds. */
const CONNECT = 3000;

/** The files of TLS, as PEM. */
export interface BusTls {
  /** The authorities to trust instead of those of the system. */
  readonly ca?: string;
  /** The certificate of this client. */
  readonly cert?: string;
  /** The key of the certificate. */
  readonly key?: string;
}

/** The options of {@linkcode Redis}. */
export interface RedisOptions {
  /** The servers. */
  readonly target: BusTarget;
  /** The files of TLS. */
  readonly tls?: BusTls;
  /** The time limit of a command, in milliseconds. */
  readonly timeout: number;
}

/** An open connection. */
interface Link {
  send(key: string, args: string[]): Promise<unknown>;
  close(): void;
}

/** A command that Redis has refused. Redis has done nothing. */
export class RedisRefusal extends Error {
  /** The name of the class. */
  override readonly name = "RedisRefusal";
  /** The first word of the reply, such as `OOM`. */
  readonly code: string;

  /** @param message The reply of Redis. */
  constructor(message: string) {
    super(message);
    this.code = /^[A-Z]+/.exec(message)?.[0] ?? "ERR";
  }
}

/** A script with the digest that Redis knows it by. */
export interface Script {
  /** The program. */
  readonly text: string;
  /** The SHA-1 of the program in hexadecimal. */
  readonly digest: string;
}

/** One connection to Redis at a time. Commands are pipelined. */
export class Redis {
  /** The number of connections that were opened after the first one. */
  reconnects = 0;
  readonly #options: RedisOptions;
  #link: Promise<Link> | undefined;
  #opened = 0;
  #closed = false;

  /** @param options The servers and the time limit. */
  constructor(options: RedisOptions) {
    this.#options = options;
  }

  /** The servers without the password. */
  get where(): string {
    return describeTarget(this.#options.target);
  }

  /**
   * Sends a command.
   *
   * @param args The words of the command. The first key of the chat is at `args[keyAt]`.
   * @param more Time that the command may take in addition, because it waits, in milliseconds.
   * @returns The reply, as RESP2.
   * @throws {RedisRefusal} If Redis refuses the command.
   * @throws {ArchiveError} With kind `unreachable`. Redis may have carried out the command.
   */
  async command(args: readonly string[], { key = args[1]!, wait = 0 } = {}): Promise<unknown> {
    // Loading the client the first time takes no time of the command.
    if (this.#opened === 0) await loadClient();
    if (this.#closed) throw this.#unreachable("the connection was closed");
    const opening = this.#link ??= this.#open();
    const { promise, reject } = Promise.withResolvers<never>();
    const limit = this.#options.timeout + wait;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let link: Link | undefined;
    try {
      link = await opening;
      timer = setTimeout(() => reject(new Error(`no answer within ${limit} ms`)), limit);
      return await Promise.race([link.send(key, [...args]), promise]);
    } catch (error) {
      const refusal = refusalOf(error);
      // After a failover, the connection leads to a server that takes no lines any more.
      if (link === undefined || refusal === undefined || refusal.code === "READONLY") {
        this.#drop(opening);
      }
      throw refusal ?? this.#unreachable(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a script. All keys of the chat are in one slot, so the first one stands for all. */
  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [`${keys.length}`, ...keys, ...args];
    try {
      return await this.command(["EVALSHA", script.digest, ...rest], { key: keys[0]! });
    } catch (error) {
      if (!(error instanceof RedisRefusal) || error.code !== "NOSCRIPT") throw error;
      return await this.command(["EVAL", script.text, ...rest], { key: keys[0]! });
    }
  }

  /** Ends the connection. Commands that wait fail; the next one opens a connection. */
  drop(): void {
    if (this.#link !== undefined) this.#drop(this.#link);
  }

  /** Ends the connection for ever. */
  close(): void {
    this.#closed = true;
    this.drop();
  }

  /** Opens a connection, within a time limit of its own: it takes several round trips. */
  async #open(): Promise<Link> {
    if (this.#opened++ > 0) this.reconnects++;
    const limit = Math.max(this.#options.timeout, CONNECT);
    const opening = openLink(this.#options, limit);
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Error(`no connection within ${limit} ms`));
      opening.then((link) => link.close(), () => {});
    }, limit);
    try {
      return await Promise.race([opening, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #drop(link: Promise<Link>): void {
    if (this.#link === link) this.#link = undefined;
    link.then((open) => open.close(), () => {});
  }

  #unreachable(reason: unknown): ArchiveError {
    const text = reason instanceof Error ? reason.message || String(reason) : String(reason);
    return new ArchiveError("unreachable", `The bus ${this.where} does not answer: ${text}`, {
      cause: reason,
    });
  }
}

/** The replies of a server that may answer the same command later. */
const PASSING = /^(?:LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED)\b/;

/** Returns the refusal of Redis; undefined if an error is a failure of the connection or passes. */
function refusalOf(error: unknown): RedisRefusal | undefined {
  if (!(error instanceof Error) || PASSING.test(error.message)) return undefined;
  return ["ErrorReply", "SimpleError", "BlobError"].includes(error.constructor.name)
    ? new RedisRefusal(error.message)
    : undefined;
}

/** The version of the client. With a literal in its import, Deno would download it for every chat. */
const VERSION: string = "6.3.1";

/** Loads the client of npm. */
async function loadClient(): Promise<typeof import("npm:redis@6.3.1")> {
  return await import(`npm:redis@${VERSION}`);
}

/** Opens a connection. */
async function openLink({ target, tls: files = {} }: RedisOptions, timeout: number): Promise<Link> {
  const { createClient, createCluster, createSentinel } = await loadClient();
  const { username, password, database, hosts } = target;
  const shared = { connectTimeout: timeout, reconnectStrategy: false } as const;
  const socket = target.tls ? { ...shared, tls: true as const, ...files } : shared;
  const node = {
    RESP: 2,
    ...username !== undefined && { username },
    ...password !== undefined && { password },
    maintNotifications: "disabled",
    disableClientInfo: true,
    disableOfflineQueue: true,
  } as const;
  if (target.kind === "cluster") {
    const cluster = createCluster({
      RESP: 2,
      rootNodes: hosts.map(({ host, port }) => ({ socket: { host, port } })),
      defaults: { ...node, socket },
    });
    cluster.on("error", () => {});
    await connecting(() => cluster.connect(), () => cluster.destroy());
    return {
      send: (key, args) => cluster.sendCommand(key, false, args),
      close: () => cluster.destroy(),
    };
  }
  if (target.kind === "sentinel") {
    const sentinel = createSentinel({
      RESP: 2,
      name: target.group!,
      sentinelRootNodes: [...hosts],
      nodeClientOptions: { ...node, database, socket },
      sentinelClientOptions: { socket },
      scanInterval: 1000,
    });
    sentinel.on("error", () => {});
    await connecting(() => sentinel.connect(), () => sentinel.destroy());
    return {
      send: (_key, args) => sentinel.sendCommand(false, args),
      close: () => sentinel.destroy(),
    };
  }
  const client = createClient({ ...node, database, socket: { ...socket, ...hosts[0]! } });
  client.on("error", () => {});
  await connecting(() => client.connect(), () => client.destroy());
  return {
    send: (_key, args) => client.sendCommand(args),
    close: () => {
      if (client.isOpen) client.destroy();
    },
  };
}

/** Ends what a failed attempt has opened. */
async function connecting(connect: () => Promise<unknown>, end: () => unknown): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  // For a moment after the handshake the client listens for no error. An alert of the server that comes
  // then, such as that a certificate is required, would end the process.
  const onError = (event: ErrorEvent) => {
    const { error } = event;
    if (!(error instanceof Error) || !error.message.startsWith("received fatal alert")) return;
    event.preventDefault();
    reject(error);
  };
  addEventListener("error", onError);
  try {
    await Promise.race([connect(), promise]);
  } catch (error) {
    try {
      await end();
    } catch { /* It was not open. */ }
    throw error;
  } finally {
    removeEventListener("error", onError);
  }
}
