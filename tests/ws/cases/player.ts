/** Plays a case against a subject that echoes messages. @module */

import { assert, assertEquals } from "@std/assert";
import {
  CLOSE,
  closePayload,
  type Delivery,
  type Outcome,
  type Received,
  type WsCase,
} from "./case.ts";
import type { Inflater } from "./deflater.ts";
import type { Subject } from "./subjects.ts";
import { encodeCaseFrame, type Wire } from "./wire.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Time limit of one case in one delivery, in milliseconds. */
const LIMIT = 20_000;
/** Cases above this number of bytes are not sent in single bytes. */
const FEW = 300;
const ALL = ["at once", "by frame", "by byte"] as const;

/** Returns the ways in which a case is delivered to a subject; none if the case is not for it. */
function deliveriesOf(one: WsCase, subject: Subject): readonly Delivery[] {
  if (one.side !== undefined && one.side !== subject.side) return [];
  if (!subject.strict && one.deno === "skip") return [];
  // Deno answers a close frame or ends the connection before the program has answered earlier messages.
  const hasty = !subject.strict && one.outcome.end !== "normal" &&
    one.steps.some((step) => "expect" in step);
  return (one.deliveries ?? ALL).filter((how) =>
    (how !== "by byte" || sizeOf(one) <= FEW) && (how !== "at once" || !hasty)
  );
}

/** Returns the number of bytes that a tester sends, with masks. */
function sizeOf({ steps }: WsCase): number {
  return steps.reduce((sum, step) => sum + bytesOf(step, true).length, 0);
}

/** Plays cases in all their deliveries, and returns the faults. */
export async function faultsOf(
  subject: Subject,
  cases: Iterable<WsCase> | AsyncIterable<WsCase>,
): Promise<string[]> {
  const faults: string[] = [];
  for await (const one of cases) {
    for (const delivery of deliveriesOf(one, subject)) {
      try {
        await play(one, delivery, subject);
      } catch (error) {
        faults.push(`${one.id} ${delivery}: ${(error as Error).message}`);
      }
    }
  }
  return faults;
}

/** Plays a case, and checks what the tester and the program on the other side see. */
export async function play(one: WsCase, delivery: Delivery, subject: Subject): Promise<void> {
  const { wire, conn, inflater, done } = await subject.open();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    wire[Symbol.dispose]();
  }, LIMIT);
  try {
    const player = new Player(wire, inflater);
    const outcome = subject.strict ? one.outcome : denoOutcome(one);
    const answers = subject.strict ? undefined : one.denoAnswers;
    await player.run(one, delivery, answers);
    await player.finish(outcome);
    await wire.written;
    wire[Symbol.dispose]();
    const { code, wasClean, error } = await conn.closed;
    assertEquals({ code, wasClean, error: error?.code }, reportOf(outcome, error?.code));
    assertEquals(conn.stats().received, player.messages, "messages passed to the program");
    assert(inflater === undefined || player.compressed === player.messages, "not compressed");
    assert(!late);
  } catch (error) {
    if (!late) throw error;
    throw new Error(`Not within ${LIMIT} ms: ${(error as Error).message}`);
  } finally {
    clearTimeout(timer);
    wire[Symbol.dispose]();
    inflater?.[Symbol.dispose]();
    await done();
  }
}

function denoOutcome({ deno, outcome }: WsCase): Outcome {
  if (deno !== undefined && deno !== "skip") return deno;
  return outcome.end === "failed" ? { end: "cut" } : outcome;
}

/** Returns what `closed` must report after an outcome. */
function reportOf(outcome: Outcome, error: string | undefined) {
  switch (outcome.end) {
    case "normal":
      return { code: 1000, wasClean: true, error: undefined };
    case "answered": {
      const normal = [1000, 1001, 1005].includes(outcome.code);
      const code = normal ? undefined : `${outcome.code}`;
      return { code: outcome.code, wasClean: true, error: code };
    }
    case "failed":
      return { code: 1006, wasClean: false, error: `${outcome.code}` };
    default:
      return { code: 1006, wasClean: false, error };
  }
}

function bytesOf(step: WsCase["steps"][number], masked: boolean): Bytes {
  return "send" in step ? encodeCaseFrame(step.send, masked) : new Uint8Array();
}

/** One run of a case. */
class Player {
  readonly #wire: Wire;
  readonly #inflater: Inflater | undefined;
  /** What must still come. Control frames may overtake messages. */
  readonly #due: { readonly messages: Received[]; readonly controls: Received[] };
  #parts: Bytes[] = [];
  #opcode = 0;
  #compressed = false;
  /** Messages received so far. */
  messages = 0;
  /** Compressed messages among them. */
  compressed = 0;

  constructor(wire: Wire, inflater: Inflater | undefined) {
    this.#wire = wire;
    this.#inflater = inflater;
    this.#due = { messages: [], controls: [] };
  }

  /** Sends what the case sends, and receives what it expects. */
  async run({ steps }: WsCase, delivery: Delivery, answers?: readonly Received[]): Promise<void> {
    const wire = this.#wire;
    const out: Bytes[] = [];
    for (const step of steps) {
      if ("send" in step) {
        const bytes = bytesOf(step, wire.client);
        if (delivery === "at once") out.push(bytes);
        else {
          await this.#receiveDue();
          void wire.write(bytes, delivery === "by byte" ? 1 : undefined);
        }
      } else if (answers === undefined) this.#expect(step.expect);
    }
    if (delivery === "at once") void wire.write(new Uint8Array(await new Blob(out).arrayBuffer()));
    answers?.forEach((one) => this.#expect(one));
    await this.#receiveDue();
  }

  /** Checks how the connection ends. */
  async finish(outcome: Outcome): Promise<void> {
    const wire = this.#wire;
    if (outcome.end === "normal") {
      const close = { opcode: CLOSE, payload: closePayload(1000) };
      void wire.write(encodeCaseFrame(close, wire.client));
    }
    const code = await this.#receive();
    const expected = { normal: 1000, refused: 1002, cut: "end of the stream" } as const;
    assertEquals(code, "code" in outcome ? outcome.code : expected[outcome.end], "end");
    if (code === "end of the stream") return;
    // A client leaves it to the server to end the TCP connection (RFC 6455 §7.1.1).
    if (!wire.client) await wire.end();
    assertEquals(await wire.readFrame(), undefined, "nothing follows a close frame");
  }

  #expect(one: Received): void {
    (one.opcode >= 8 ? this.#due.controls : this.#due.messages).push(one);
  }

  async #receiveDue(): Promise<void> {
    const { messages, controls } = this.#due;
    while (messages.length + controls.length > 0) {
      const end = await this.#receive();
      if (end === undefined) continue;
      const next = messages[0] ?? controls[0]!;
      throw new Error(`Received ${end} in place of ${show(next)}`);
    }
  }

  /** Receives one message or control frame; returns the code at the end, "end" without one. */
  async #receive(): Promise<number | "end of the stream" | undefined> {
    for (let frame; (frame = await this.#wire.readFrame()) !== undefined;) {
      const { opcode, payload, fin, rsv } = frame;
      const mayCompress = this.#inflater !== undefined && (opcode === 1 || opcode === 2);
      assertEquals(mayCompress ? rsv & 3 : rsv, 0, "reserved bits of the subject");
      if (opcode === CLOSE) return closeCode(payload);
      if (opcode >= 8) return this.#check({ opcode, payload }, this.#due.controls);
      assertEquals(opcode === 0, this.#opcode !== 0, "order of fragments of the subject");
      this.#opcode ||= opcode;
      if (opcode !== 0) this.#compressed = rsv === 4;
      this.#parts.push(payload);
      if (!fin) continue;
      const joined = new Uint8Array(await new Blob(this.#parts).arrayBuffer());
      const message = this.#compressed ? await this.#inflater!.inflate(joined) : joined;
      const whole = { opcode: this.#opcode, payload: message };
      this.#opcode = 0;
      this.#parts = [];
      this.messages++;
      if (this.#compressed) this.compressed++;
      return this.#check(whole, this.#due.messages);
    }
    return "end of the stream";
  }

  #check(got: Received, due: Received[]): undefined {
    const wanted = due.shift();
    if (wanted === undefined) throw new Error(`Received ${show(got)}, which nobody expects`);
    const same = got.opcode === wanted.opcode && got.payload.length === wanted.payload.length &&
      got.payload.every((byte, i) => byte === wanted.payload[i]);
    assert(same, `Received ${show(got)} in place of ${show(wanted)}`);
  }
}

function closeCode(payload: Bytes): number {
  if (payload.length === 0) return 1005;
  assert(payload.length >= 2, "a close frame of the subject has half a code");
  new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2));
  return payload[0]! << 8 | payload[1]!;
}

function show({ opcode, payload }: Received): string {
  const more = payload.length > 40 ? "…" : "";
  return `opcode ${opcode} with ${payload.length} bytes ${payload.slice(0, 40).toHex()}${more}`;
}
