import type { Socket } from "node:net";
import { toNetError } from "../../net/errors/errors.ts";
import { Alarm } from "../../net/internal/timer.ts";
import { escapeControls } from "../../net/text.ts";
import { connectSocket, destroy, shakeHands } from "../internal/connection_phases.ts";
import { readTls, type ScannedTls } from "./_open_port_details.ts";
import {
  EHLO,
  isAmbiguous,
  isSmtpReply,
  type Probe,
  PROBES,
  readGreeting,
  type Recognized,
  type Said,
} from "./_service_probes.ts";

/** Most bytes that are read from a server. */
const MOST = 64 * 1024;
/** Most characters of a product, a title or a greeting. */
const LONGEST = 200;
/** Time for a greeting, in milliseconds. Some servers look up the name of the client first. */
const GREETING = 1500;
/** Ports that usually use TLS from the first byte. */
const TLS_PORTS = new Set([
  443,
  465,
  563,
  636,
  853,
  989,
  990,
  992,
  993,
  995,
  5061,
  6443,
  8443,
  9443,
]);

/** A service that listens on a port. */
export interface ScannedService {
  /** The protocol, e.g. `ssh`, `smtp`, `http`; "tls" if the protocol inside of TLS is unknown. */
  readonly protocol: string;
  /** The name and the version that the server tells, escaped. */
  readonly product?: string;
  /** The status code of HTTP. */
  readonly status?: number;
  /** The title of the page of HTTP, escaped. */
  readonly title?: string;
}

/** The result of an identification. */
export interface Identified {
  readonly detected?: ScannedService;
  readonly banner?: string;
  readonly tls?: ScannedTls;
}

/** The port that is identified, and the limits of each connection. */
export interface Listener {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** An open connection, and the sockets to destroy after it: the inner one last. */
type Dial = () => Promise<[Socket, ...Socket[]]>;

/** Identifies the service of an open port. Servers that send nothing get a few probes. */
export async function identify(listener: Listener): Promise<Identified> {
  const { host, address, port, timeout, signal } = listener;
  const secured = () => readTls(host, address, port, timeout, signal);
  const plain: Dial = async () => [await connectSocket(address, port, listener)];
  const inside = async (tls: ScannedTls): Promise<Identified> => {
    const found = await recognize(() => dialTls(listener), listener);
    return { ...found, detected: found.detected ?? { protocol: "tls" }, tls };
  };
  const early = TLS_PORTS.has(port) ? await secured() : undefined;
  if (early !== undefined) return await inside(early);
  const found = await recognize(plain, listener);
  const { detected } = found;
  // A server of TLS may answer plain HTTP with an error.
  if (detected !== undefined && detected.status !== 400) return found;
  const tls = TLS_PORTS.has(port) || found.banner !== undefined ? undefined : await secured();
  return tls === undefined ? found : await inside(tls);
}

/** Reads the greeting, and sends the probes if there is none. Those for the port come first. */
async function recognize(
  dial: Dial,
  { host, port, timeout, signal }: Listener,
): Promise<Identified> {
  const own = PROBES.filter(({ ports }) => ports.includes(port));
  const ask = async (probes: readonly Probe[], limit: number): Promise<Identified | undefined> => {
    for (const probe of probes) {
      const said = await talk(dial, probe.request(host), limit, signal, (said) => {
        return probe.read(said) !== undefined && !probe.wantsMore?.(said);
      });
      const found = probe.read(said) ?? readGreeting(said);
      if (found !== undefined) return { detected: shown(found) };
    }
    return undefined;
  };
  const usual = await ask(own, timeout);
  if (usual !== undefined) return usual;
  const wait = Math.min(GREETING, timeout);
  const greeting = await talk(dial, undefined, wait, signal, ({ text }) =>
    text.includes("\n") ||
    text.includes("\0"));
  if (greeting.text !== "") return await byGreeting(dial, greeting, timeout, signal);
  return await ask(PROBES.filter((probe) => !own.includes(probe)), wait) ?? {};
}

async function byGreeting(
  dial: Dial,
  said: Said,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<Identified> {
  const [line = ""] = new TextDecoder().decode(said.bytes).split(/\r?\n/, 1);
  const banner = short(line);
  let found = readGreeting(said);
  if (found === undefined && isAmbiguous(said)) {
    const reply = await talk(dial, EHLO, timeout, signal, isSmtpReply);
    const [product = ""] = said.text.slice(4).split(/\r?\n/, 1);
    found = { protocol: isSmtpReply(reply) ? "smtp" : "ftp", product };
  }
  return { ...found && { detected: shown(found) }, banner };
}

function short(text: string): string {
  return escapeControls(text.slice(0, LONGEST));
}

function shown({ protocol, product, status, title }: Recognized): ScannedService {
  return {
    protocol,
    ...product && { product: short(utf8(product)) },
    ...status !== undefined && { status },
    ...title && { title: short(title) },
  };
}

async function dialTls(
  { host, address, port, timeout, signal }: Listener,
): Promise<[Socket, ...Socket[]]> {
  const limits = { timeout, signal };
  const socket = await connectSocket(address, port, limits);
  // Only HTTP/1.1 has answers that the table knows.
  const options = { ...limits, caCerts: [], alpn: ["http/1.1"] };
  return [await shakeHands(socket, host, host, options), socket];
}

/** Sends a request and reads until `enough`, the end, or the time limit. */
async function talk(
  dial: Dial,
  request: Uint8Array | undefined,
  timeout: number,
  signal: AbortSignal | undefined,
  enough: (said: Said) => boolean,
): Promise<Said> {
  const reply = new Reply(enough);
  let sockets: Socket[] = [];
  const alarm = new Alarm(reply.end);
  signal?.addEventListener("abort", reply.end);
  try {
    sockets = await dial();
    const [socket] = sockets;
    alarm.start(timeout);
    socket!.on("data", (chunk: Uint8Array) => reply.add(chunk));
    socket!.on("error", reply.end).once("end", reply.end).once("close", reply.end);
    if (request !== undefined) socket!.write(request);
    await reply.ended;
  } catch (error) {
    if (toNetError(error).kind === "permission") throw error;
  } finally {
    alarm.stop();
    signal?.removeEventListener("abort", reply.end);
    for (const socket of sockets) await destroy(socket);
  }
  signal?.throwIfAborted();
  return reply.said;
}

/** Collects the bytes of a server. The cost is linear, also if each byte arrives alone. */
class Reply {
  /** Number of chunks that are all looked at. After them, the reply must have grown by an eighth. */
  static readonly #EACH = 32;
  readonly #buffer = new Uint8Array(MOST);
  readonly #enough: (said: Said) => boolean;
  readonly #end = Promise.withResolvers<void>();
  #length = 0;
  #chunks = 0;
  #nextLook = 0;

  constructor(enough: (said: Said) => boolean) {
    this.#enough = enough;
  }

  get ended(): Promise<void> {
    return this.#end.promise;
  }

  get said(): Said {
    const bytes = this.#buffer.subarray(0, this.#length);
    return { bytes, text: latin1(bytes) };
  }

  readonly end = (): void => this.#end.resolve();

  add(chunk: Uint8Array): void {
    const part = chunk.subarray(0, MOST - this.#length);
    this.#buffer.set(part, this.#length);
    this.#length += part.length;
    if (this.#length === MOST) return this.end();
    if (++this.#chunks > Reply.#EACH && this.#length < this.#nextLook) return;
    this.#nextLook = this.#length * 9 / 8;
    if (this.#enough(this.said)) this.end();
  }
}

/** Reads a text of Latin-1 as what its bytes are in UTF-8. */
function utf8(text: string): string {
  const bytes = Uint8Array.from(text.slice(0, 4 * LONGEST), (byte) => byte.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
