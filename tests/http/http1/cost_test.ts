/**
 * The cost of reading HTTP/1.1 grows linearly with its size, for any input and any cut. Each test
 * compares the CPU time of one size with that of four times the size: linear work gives a ratio of 4,
 * quadratic work 16. CPU time does not include the work of other programs.
 *
 * @module
 */

import { assert } from "@std/assert";
import process from "node:process";
import { Http1Decoder, type Http1DecoderOptions, Http1Fields } from "../../../http/http1/codec.ts";
import { bytesOf } from "../../_support/http1.ts";

const MUCH: Http1DecoderOptions = {
  maxHead: 2 ** 24,
  maxLine: 2 ** 24,
  maxFields: Infinity,
  maxTrailers: 2 ** 24,
};
/** Halfway between linear and quadratic, on a scale of factors. */
const LIMIT = 8;
const TRIES = 5;

/** Fails if four times the size costs more than linear work would. */
function assertLinear(size: number, prepare: (size: number) => () => void): void {
  const [small, large] = [prepare(size), prepare(4 * size)];
  const ratios: number[] = [];
  for (let i = 0; i < TRIES; i++) {
    // The best of several runs has the least of the garbage collector and the compiler in it.
    const ratio = bestOf(3, large) / bestOf(3, small);
    if (ratio <= LIMIT) return;
    ratios.push(ratio);
  }
  assert(false, `Four times the size costs ${ratios.map((one) => one.toFixed(1))} times as much`);
}

function bestOf(runs: number, work: () => void): number {
  let best = Infinity;
  for (let i = 0; i < runs; i++) best = Math.min(best, cost(work));
  return best;
}

function cost(work: () => void): number {
  const [start, before] = [performance.now(), process.cpuUsage()];
  let rounds = 0;
  // The clock has steps: short work is repeated.
  for (;;) {
    work();
    rounds++;
    const { user, system } = process.cpuUsage(before);
    // Other processes prolong the one, and other threads of this process the other.
    const took = Math.min(performance.now() - start, (user + system) / 1000);
    if (took > 5) return took / rounds;
  }
}

/** Pushes bytes in pieces, and takes all events after each; responses tolerantly. */
function decode(side: "request" | "response", bytes: Uint8Array<ArrayBuffer>, step: number) {
  const decoder = new Http1Decoder(side, { ...MUCH, tolerant: side === "response" });
  if (side === "response") decoder.answers("GET");
  for (let i = 0; i < bytes.length; i += step) {
    decoder.push(bytes.subarray(i, i + step));
    while (decoder.next() !== undefined);
  }
}

const GET = "GET / HTTP/1.1\r\nHost: h\r\n";
const CHUNKED = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
/** Texts of about `size` bytes. */
const REQUESTS: Record<string, (size: number) => string> = {
  "one long value": (size) => `${GET}A: ${"b".repeat(size)}\r\n\r\n`,
  "many fields": (size) => `${GET}${"A: b\r\n".repeat(size / 6)}\r\n`,
  "many options of Connection": (size) => `${GET}Connection: ${"a,".repeat(size / 2)}b\r\n\r\n`,
  "many lines of Connection": (size) => `${GET}${"Connection: a\r\n".repeat(size / 15)}\r\n`,
  "many codings": (size) => `${GET}Transfer-Encoding: ${"a,".repeat(size / 2)}chunked\r\n\r\n`,
  "many lines of Upgrade": (size) => `${GET}${"Upgrade: a\r\n".repeat(size / 12)}\r\n`,
  "blanks around a value": (size) =>
    `${GET}A:${" ".repeat(size / 2)}b${" ".repeat(size / 2)}\r\n\r\n`,
  "blanks in a list": (size) => `${GET}Connection: a${" ".repeat(size)},b\r\n\r\n`,
  "a target of raw bytes": (size) => `GET /${"\xe4".repeat(size)} HTTP/1.1\r\nHost: h\r\n\r\n`,
  "a chunk size without end": (size) => `${CHUNKED}1;${"a".repeat(1000)}`.padEnd(size, " "),
  "small chunks": (size) => `${CHUNKED}${"1\r\na\r\n".repeat(size / 6)}0\r\n\r\n`,
  "chunks with extensions": (size) =>
    `${CHUNKED}${`10;${"e".repeat(40)}\r\n${"x".repeat(16)}\r\n`.repeat(size / 64)}0\r\n\r\n`,
  "many trailers": (size) => `${CHUNKED}0\r\n${"A: b\r\n".repeat(size / 6)}\r\n`,
  "pipelined requests": (size) => `${GET}\r\n`.repeat(size / 27),
};

const OK = "HTTP/1.1 200 OK\n";
const CODED = `${OK}Transfer-Encoding: chunked\n\n`;
/** Responses that a tolerant decoder repairs or refuses. */
const RESPONSES: Record<string, (size: number) => string> = {
  "many fields": (size) => `${OK}${"A : b\n".repeat(size / 6)}\n`,
  "a value of many folded lines": (size) => `${OK}A: b\n${" c\n".repeat(size / 3)}\n`,
  "many folded lines of blanks": (size) => `${OK}A: b\n${" \n".repeat(size / 2)}\n`,
  "many lines that are no fields": (size) => `${OK}${"a\n".repeat(size / 2)}\n`,
  "one long line that is no field": (size) => `${OK}${"a b".repeat(size / 3)}: c\n\n`,
  "many lines with a blank in front": (size) => `${OK}${" a: b\n".repeat(size / 6)}\n`,
  "many control characters": (size) => `${OK}A: ${"\x01b".repeat(size / 2)}\n\n`,
  "many lengths": (size) => `${OK}${"Content-Length: 0\n".repeat(size / 18)}\n`,
  "a long list of lengths": (size) => `${OK}Content-Length: ${"0,".repeat(size / 2)}0\n\n`,
  "a length of zeros": (size) => `${OK}Content-Length: ${"0".repeat(size)}\n\n`,
  "a long list of codings": (size) =>
    `${OK}Transfer-Encoding: ${"identity,".repeat(size / 9)}chunked\n\n0\n\n`,
  "many lines of codings": (size) => `${OK}${"Transfer-Encoding:\n".repeat(size / 19)}\n`,
  "blanks in the status line": (size) => `HTTP/1.1${" ".repeat(size)}200 OK\n\n`,
  "chunk sizes with zeros": (size) => `${CODED}${`${"0".repeat(99)}1\na\n`.repeat(size / 104)}`,
  "chunk sizes with blanks": (size) => `${CODED}${`1${" ".repeat(100)}\na\n`.repeat(size / 104)}`,
  "long chunk extensions": (size) =>
    `${CODED}${`1000;${"e".repeat(8000)}\r\n${"x".repeat(4096)}\n`.repeat(size / 12103)}`,
  "many trailers": (size) => `${CODED}0\n${"A : b\n".repeat(size / 6)}\n`,
};

const WAYS = [["whole", Infinity], ["byte by byte", 1]] as const;
for (const side of ["request", "response"] as const) {
  for (const [what, text] of Object.entries(side === "request" ? REQUESTS : RESPONSES)) {
    for (const [how, step] of WAYS) {
      Deno.test(`Http1Decoder reads ${what} of a ${side} ${how} at linear cost`, () => {
        assertLinear(65536, (size) => {
          const bytes = bytesOf(text(size));
          return () => {
            try {
              decode(side, bytes, step);
            } catch {
              // Some of them are refused at the end.
            }
          };
        });
      });
    }
  }
}

Deno.test("Http1Decoder keeps pipelined requests that wait at linear cost", () => {
  assertLinear(65536, (size) => {
    const bytes = bytesOf(`${GET}\r\n`.repeat(size / 27));
    return () => {
      // As a proxy does: it reads ahead while a request is being answered.
      const decoder = new Http1Decoder("request");
      for (let i = 0; i < bytes.length; i += 7) {
        decoder.push(bytes.subarray(i, i + 7));
        if (decoder.buffered > bytes.length / 2) { while (decoder.next()?.kind === "request"); }
      }
    };
  });
});

const names = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}`);
const CHANGES: Record<string, (fields: Http1Fields, names: string[]) => void> = {
  get: (fields, names) => names.forEach((name) => fields.get(name)),
  has: (fields, names) => names.forEach((name) => fields.has(name)),
  set: (fields, names) => names.forEach((name) => fields.set(name, "2")),
  append: (fields, names) => names.forEach((name) => fields.append(name, "2")),
  delete: (fields, names) => names.forEach((name) => fields.delete(name)),
  "delete while walking through": (fields) => {
    for (const [name] of fields) fields.delete(name);
  },
};
for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`Http1Fields: ${what} on each of many lines at linear cost`, () => {
    assertLinear(2000, (count) => {
      const all = names(count);
      const lines = all.map((name) => [name, "1"] as const);
      return () => change(new Http1Fields(lines), all);
    });
  });
}
