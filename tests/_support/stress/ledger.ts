/** What clients of a stress test have asked for, what servers do about it, and what went wrong. @module */

import type { Random } from "./random.ts";
import { bytesOf, concat, digest } from "./wire.ts";

/** Where a server breaks off. */
export type Fault = "none" | "before" | "request" | "head" | "afterHead" | "body";
/** How it breaks off: a stall ends after a moment, and a hang does not. */
export type Ending = "close" | "reset" | "stall" | "hang";
/**
 * What it does after a complete response: it says that it closes, closes without a word, closes when
 * it was idle for a moment, closes at its next request, or goes on with a response to nobody.
 */
export type After = "keep" | "announce" | "silent" | "late" | "lateReset" | "deadly" | "extra";
/** What a hook of the proxy does. */
export type Hook = "none" | "answer" | "replace";

/** What a server does with one request. */
export interface Plan {
  readonly fault: Fault;
  readonly ending: Ending;
  /** Whether the fault is over when the request comes again. */
  readonly once: boolean;
  readonly framing: "length" | "chunked" | "close";
  readonly status: number;
  readonly size: number;
  readonly interim: boolean;
  /** Whether it responds before it reads the body of the request. */
  readonly early: boolean;
  readonly after: After;
  /** Whether it writes in small pieces. */
  readonly pieces: boolean;
  /** How long a stall or a delay takes, in milliseconds. */
  readonly millis: number;
}

/** One request of a client. */
export interface Asked {
  readonly id: number;
  readonly method: string;
  readonly plan: Plan;
  readonly hook: Hook;
  /** The body; empty once the client has got its response. */
  body: Uint8Array;
  /** Size and checksum of the body. */
  readonly digest: string;
  /** How often a server has seen it. */
  seen: number;
}

/** What happened, in numbers. */
export interface Tally {
  /** Requests that were sent. */
  sent: number;
  /** Right responses. */
  answered: number;
  /** Error pages and broken off responses that a server is to blame for. */
  excused: number;
  /** Requests behind the last response of a connection, and those of clients that went away. */
  unanswered: number;
  /** Requests that servers saw more than once. */
  repeated: number;
  /** Tunnels that did what they should. */
  tunnels: number;
}

const NOTHING = new Uint8Array(0);
const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** All that is known about the requests of a run. */
export class Ledger {
  readonly tally: Tally = {
    sent: 0,
    answered: 0,
    excused: 0,
    unanswered: 0,
    repeated: 0,
    tunnels: 0,
  };
  /** What a proxy must never do, by kind. */
  readonly wrong = new Map<string, string[]>();
  readonly #asked = new Map<number, Asked>();
  #next = 1;

  /** Makes up a request. */
  ask(random: Random, hooks: boolean): Asked {
    const method = random.pick(METHODS);
    const id = this.#next++;
    const body = method === "POST" || method === "PUT" || (method === "DELETE" && random.chance(.2))
      ? bodyOf(random)
      : NOTHING;
    const hook = hooks && random.chance(.1) ? random.pick(["answer", "replace"] as const) : "none";
    const asked: Asked = {
      id,
      method,
      body,
      digest: digest(body),
      hook,
      plan: planOf(random),
      seen: 0,
    };
    this.#asked.set(id, asked);
    this.tally.sent++;
    return asked;
  }

  /** Returns a request by its number. */
  find(id: number): Asked | undefined {
    return this.#asked.get(id);
  }

  /** Notes that a server has seen a request; returns how often. */
  saw(asked: Asked): number {
    if (++asked.seen === 1) return 1;
    this.tally.repeated++;
    if (!IDEMPOTENT.has(asked.method)) this.blame("repeated, but not idempotent", asked);
    else if (!asked.digest.startsWith("0-")) this.blame("repeated with a body", asked);
    return asked.seen;
  }

  /** Notes that a request is over, and forgets its body. */
  done(asked: Asked, how: "answered" | "excused" | "unanswered"): void {
    this.tally[how]++;
    asked.body = NOTHING;
  }

  /** Notes what must never happen. */
  blame(kind: string, asked: Asked | undefined, detail = ""): void {
    const list = this.wrong.get(kind) ?? [];
    this.wrong.set(kind, list);
    const what = asked === undefined ? "" : `${asked.id} ${asked.method} ${asked.hook} ` +
      JSON.stringify({ ...asked.plan, seen: asked.seen, digest: asked.digest });
    list.push(`${what} ${detail}`.trim());
  }
}

/** Whether a server breaks off the exchange for good, as far as this attempt goes. */
export function isFaulty({ plan, method, hook }: Asked): boolean {
  if (plan.fault === "none" || plan.ending === "stall" || hook === "answer") return false;
  // Such a response has no body to break off in.
  const bodyless = method === "HEAD" || plan.status === 204 || plan.status === 304;
  return !bodyless || (plan.fault !== "afterHead" && plan.fault !== "body");
}

/** Returns the body of the right response. */
export function responseBody({ id, method, plan, digest }: Asked): Uint8Array {
  const text = `${id} ${method} ${digest}\n`;
  const filler = `${id}.`.repeat(Math.ceil(plan.size / `${id}.`.length)).slice(0, plan.size);
  return bytesOf(text + filler);
}

const METHODS = [
  ..."GET GET GET GET GET GET HEAD POST POST PUT DELETE OPTIONS".split(" "),
] as const;

function bodyOf(random: Random): Uint8Array {
  const size = random.pick([0, random.below(500), random.below(500), random.below(60_000)]);
  const large = random.chance(.02) ? 600_000 : size;
  // If it is ever taken for a request, a server sees one that nobody has sent.
  const hidden = bytesOf("GET /r/0 HTTP/1.1\r\nHost: hidden\r\n\r\n");
  const filler = new Uint8Array(large).fill(97 + random.below(26));
  return random.chance(.5) ? concat([hidden, filler, hidden]) : filler;
}

function planOf(random: Random): Plan {
  const faulty = random.chance(.15);
  const framing = random.pick(
    ["length", "length", "length", "chunked", "chunked", "close"] as const,
  );
  const fault = random.pick(["before", "request", "head", "afterHead", "body", "body"] as const);
  let ending: Ending = random.pick(["close", "close", "reset", "reset", "stall"]);
  if (faulty && random.chance(.003)) ending = "hang";
  // Nobody can tell the end of such a body from its truncation by an orderly end.
  const blurred = framing === "close" && (fault === "afterHead" || fault === "body");
  if (blurred && ending === "close") ending = "reset";
  const large = random.chance(.01);
  // A reset would take what the kernel has not sent of a large response.
  let after: After = random.chance(.6) || large
    ? "keep"
    : random.pick(["announce", "silent", "late", "late", "lateReset", "deadly", "extra"]);
  const pieces = random.chance(.1);
  // What comes later than the response is taken for the next one: HTTP/1.1 cannot tell.
  if (after === "extra" && (pieces || faulty)) after = "keep";
  return {
    fault: faulty ? fault : "none",
    ending,
    once: random.chance(.5),
    framing,
    status: random.chance(.03) ? random.pick([204, 304]) : 200,
    size: random.pick([0, 0, random.below(300), random.below(300), random.below(20_000)]) +
      (large ? 500_000 : 0),
    interim: random.chance(.05),
    early: random.chance(.04),
    after,
    pieces,
    millis: random.below(25),
  };
}
