import type net from "node:net";
import type tls from "node:tls";
import { formatAddress, parseHostPort } from "../../net/address.ts";
import { NetError } from "../../net/errors/errors.ts";
import { hasMember } from "../../http/header_list.ts";
import { hostPortOf } from "../../http/internal/url_parts.ts";
import { escapeControls, lowerAscii, parseDigits, trimBlanks } from "../../net/text.ts";
import type { HttpExchange, HttpStep } from "./diagnosis.ts";
import { checkHost } from "./_commands.ts";
import {
  connectSocket,
  destroy,
  phase,
  resolveBySystem,
  shakeHands,
} from "../internal/connection_phases.ts";
import { describeTrouble } from "./_step_tls.ts";
import { count, showTime } from "../internal/text.ts";
import { timed, type Walk } from "./_timed_step.ts";

const MAX_REDIRECTS = 10;
const MAX_HEAD = 64 * 1024;
const MAX_BODY = 1024 * 1024;
const NO_HTTP = "does not speak HTTP";
const HEAD_END = /\r?\n\r?\n/;

/** Requests a URL and follows redirects; `address` is the known address of its host. */
export function httpStep(walk: Walk, url: string, address?: string): Promise<HttpStep> {
  const exchanges: HttpExchange[] = [];
  return timed<HttpStep, "http">(walk, "http", { exchanges }, async () => {
    const seen = new Set<string>();
    let next: URL | undefined = new URL(url);
    next.hash = "";
    while (next !== undefined) {
      const current: URL = next;
      if (seen.has(current.href) || seen.size > MAX_REDIRECTS) {
        const text = seen.has(current.href)
          ? `redirects in a loop: ${current.href} again`
          : `redirects more than ${MAX_REDIRECTS} times`;
        return { status: "failed", text, advice: "Fix the redirects of the server.", exchanges };
      }
      seen.add(current.href);
      const known = current.host === new URL(url).host ? address : undefined;
      const one: HttpExchange = await exchange(walk, current, known);
      exchanges.push(one);
      // Another step checks the certificate of the first host.
      const trouble = known === undefined && current.protocol === "https:"
        ? await describeTrouble(walk, siteOf(current), parseHostPort(one.address).hostname)
        : undefined;
      if (trouble !== undefined) {
        const text = `redirects to ${current.href}, whose ${trouble.text}`;
        return { status: "failed", text, advice: trouble.advice, exchanges };
      }
      next = undefined;
      if (one.status >= 300 && one.status < 400 && one.location !== undefined) {
        const target = URL.parse(one.location, current);
        if (target === null || !isCallable(target)) {
          const text = `redirects to ${one.location}, which is not an HTTP URL`;
          return { status: "failed", text, advice: "Fix the redirect of the server.", exchanges };
        }
        target.hash = target.username = target.password = "";
        next = target;
      }
    }
    return { ...describe(exchanges), exchanges };
  });
}

function describe(
  exchanges: readonly HttpExchange[],
): Pick<HttpStep, "status" | "text" | "advice"> {
  const last = exchanges.at(-1)!;
  const redirects = exchanges.length - 1;
  const via = redirects === 0 ? "" : ` after ${count(redirects, "redirect")}, from ${last.url}`;
  const text = `${statusLine(last)}${via}, ${count(last.bytes, "byte")} in ${
    showTime(totalOf(exchanges))
  }`;
  if (last.status >= 500) {
    return { status: "failed", text, advice: "Check the log of the server." };
  }
  if (last.status < 400) return { status: "ok", text };
  const advice: Record<number, string> = {
    401: "The path works; the server requires a login.",
    403: "The path works; the server does not allow this request.",
    404: "The path works; the server has no resource at this URL.",
    421: "The server does not serve this name.",
    429: "The path works; the server limits the rate of requests.",
  };
  return {
    status: "warning",
    text,
    advice: advice[last.status] ?? "The path works; the server rejects this request.",
  };
}

/** Returns the status with its reason: `200 OK`. */
export function statusLine({ status, reason }: HttpExchange): string {
  return `${status} ${reason}`.trimEnd();
}

/** Returns the total time of all exchanges. */
export function totalOf(exchanges: readonly HttpExchange[]): number {
  return exchanges.reduce((sum, { phases }) => sum + phases.total, 0);
}

async function exchange(walk: Walk, url: URL, known: string | undefined): Promise<HttpExchange> {
  const { host, port } = siteOf(url);
  const secure = url.protocol === "https:";
  const where = formatAddress({ hostname: host, port });
  const clock = [performance.now()];
  const lap = () => {
    clock.push(performance.now());
  };
  const addresses = known === undefined ? await resolveBySystem(host, walk) : [known];
  lap();
  const socket = await connectFirst(walk, addresses, port);
  let stream: net.Socket | tls.TLSSocket = socket;
  try {
    lap();
    if (secure) {
      stream = await shakeHands(socket, host, where, { ...walk, caCerts: [], alpn: ["http/1.1"] });
    }
    lap();
    const answer = await ask(walk, stream, url, where, lap);
    lap();
    const at = (i: number) => clock[i + 1]! - clock[i]!;
    return {
      url: url.href,
      address: formatAddress({ hostname: socket.remoteAddress ?? addresses[0]!, port }),
      ...answer,
      phases: {
        dns: at(0),
        tcp: at(1),
        tls: secure ? at(2) : 0,
        firstByte: at(3),
        body: at(4),
        total: clock[5]! - clock[0]!,
      },
    };
  } finally {
    if (stream !== socket) await destroy(stream);
    await destroy(socket);
  }
}

/** Returns whether the target of a redirect is a valid HTTP URL. A server may be hostile. */
function isCallable(target: URL): boolean {
  try {
    return /^https?:$/.test(target.protocol) && siteOf(target).port > 0;
  } catch {
    return false;
  }
}

function siteOf(url: URL): { host: string; port: number } {
  const { hostname, port } = hostPortOf(url);
  return { host: checkHost(hostname), port };
}

/** Connects to the first address that answers. The TCP step has already reported the others. */
async function connectFirst(
  walk: Walk,
  addresses: readonly string[],
  port: number,
): Promise<net.Socket> {
  let last: unknown;
  for (const address of addresses.slice(0, 4)) {
    try {
      return await connectSocket(address, port, walk);
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      last = error;
    }
  }
  throw last;
}

type Answer = Omit<HttpExchange, "url" | "address" | "phases">;

/** Sends the request and reads the response to its end, or to the end of the first megabyte. */
function ask(
  walk: Walk,
  stream: net.Socket | tls.TLSSocket,
  url: URL,
  where: string,
  firstByte: () => void,
): Promise<Answer> {
  let begun = false;
  return phase<Answer>("response", where, walk, (resolve, reject) => {
    const reader = new ProbedAnswerReader(where);
    stream.on("error", reject);
    stream.on("data", (chunk: Uint8Array) => {
      if (!begun) firstByte();
      begun = true;
      try {
        const answer = reader.push(chunk);
        if (answer !== undefined) resolve(answer);
      } catch (error) {
        reject(error);
      }
    });
    const end = () => {
      try {
        resolve(reader.end());
      } catch (error) {
        reject(error);
      }
    };
    stream.once("end", end);
    stream.once("close", end);
    // A URL is percent-encoded, so it contains no line breaks and no spaces.
    stream.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n` +
        "User-Agent: portside-diagnose\r\nAccept: */*\r\nConnection: close\r\n\r\n",
    );
  }, () => stream.destroy()).catch((error) => {
    if (!begun || !(error instanceof NetError) || error.kind !== "timeout") throw error;
    throw new NetError(`${where} starts a response but does not finish it`, {
      kind: "timeout",
      phase: "read",
      address: where,
      cause: error,
    });
  });
}

/** An incremental reader of an HTTP/1 response. */
export class ProbedAnswerReader {
  readonly #where: string;
  #head = "";
  /** The last characters of the head, because its end may be split between two chunks. */
  #last = "";
  #answer: Answer | undefined;
  #bytes = 0;
  #length: number | undefined;
  #chunked = false;
  #tail = "";

  constructor(where: string) {
    this.#where = where;
  }

  /** Adds bytes; returns the response when it is complete. */
  push(chunk: Uint8Array): Answer | undefined {
    if (this.#answer !== undefined) return this.#body(chunk);
    const text = latin1(chunk);
    const known = this.#head.length;
    this.#head += text;
    if (known < 7 && !"HTTP/1.".startsWith(this.#head.slice(0, 7))) throw this.#broken(NO_HTTP);
    // Search only the new characters, so that a head in single bytes has a linear cost.
    const near = this.#last + text;
    this.#last = near.slice(-3);
    if (!HEAD_END.test(near)) return this.#unended();
    for (;;) {
      const end = HEAD_END.exec(this.#head);
      if (end === null) return this.#unended();
      const head = this.#head.slice(0, end.index);
      const rest = this.#head.slice(end.index + end[0].length);
      const answer = this.#readHead(head);
      // Interim responses precede the final one (RFC 9110 section 15.2).
      if (answer.status >= 100 && answer.status < 200 && answer.status !== 101) {
        this.#head = rest;
        this.#last = rest.slice(-3);
        if (rest === "") return undefined;
        if (!"HTTP/1.".startsWith(rest.slice(0, 7))) throw this.#broken(NO_HTTP);
        continue;
      }
      this.#answer = answer;
      this.#head = "";
      return this.#body(Uint8Array.from(rest, (character) => character.charCodeAt(0)));
    }
  }

  /** Waits for the rest of the head, up to its limit. */
  #unended(): undefined {
    if (this.#head.length > MAX_HEAD) throw this.#broken("sends a head that does not end");
    return undefined;
  }

  /** Returns the response at the end of the connection. */
  end(): Answer {
    if (this.#answer === undefined) {
      throw this.#broken(
        this.#head === "" ? "ends the connection without an answer" : "ends within the head",
        "truncated",
      );
    }
    if ((this.#length ?? 0) > this.#bytes || this.#chunked) {
      throw this.#broken("ends within the body", "truncated");
    }
    return { ...this.#answer, bytes: this.#bytes };
  }

  #readHead(head: string): Answer {
    const [first = "", ...lines] = head.split(/\r?\n/);
    const match = /^HTTP\/1\.[01] ([1-9]\d\d)(?: (.*))?$/.exec(first);
    if (match === null) throw this.#broken(NO_HTTP);
    const field = (name: string) => {
      const line = lines.find((line) => lowerAscii(line.slice(0, name.length + 1)) === `${name}:`);
      return line && trimBlanks(line.slice(name.length + 1));
    };
    const status = Number(match[1]);
    const length = field("content-length");
    if (status === 204 || status === 304 || status === 101) this.#length = 0;
    else if (hasMember(field("transfer-encoding"), "chunked")) this.#chunked = true;
    else this.#length = parseDigits(length ?? "");
    const location = field("location");
    const server = field("server");
    return {
      status,
      reason: escapeControls((match[2] ?? "").slice(0, 100)),
      ...(location && { location: escapeControls(location.slice(0, 2000)) }),
      ...(server && { server: escapeControls(server.slice(0, 100)) }),
      bytes: 0,
    };
  }

  #body(chunk: Uint8Array): Answer | undefined {
    this.#bytes += chunk.length;
    if (this.#chunked) this.#tail = (this.#tail + latin1(chunk.subarray(-16))).slice(-16);
    const whole = this.#length !== undefined
      ? this.#bytes >= this.#length
      : this.#chunked && /(^|\r\n)0\r\n\r\n$/.test(this.#tail);
    return whole || this.#bytes >= MAX_BODY
      ? { ...this.#answer!, bytes: Math.min(this.#bytes, this.#length ?? Infinity, MAX_BODY) }
      : undefined;
  }

  /** Returns the error for an invalid response. Its phase is "read" once the server speaks HTTP. */
  #broken(what: string, kind: "protocol" | "truncated" = "protocol"): NetError {
    const spoken = this.#answer !== undefined || this.#head.startsWith("HTTP/1.");
    return new NetError(`${this.#where} ${what}`, {
      kind,
      phase: spoken && what !== NO_HTTP ? "read" : "response",
      address: this.#where,
    });
  }
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
