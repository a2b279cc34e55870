/** Progress on standard error, if that is a terminal: how much, how fast, and how long it will take. @module */

import type { CliContext } from "../../tools/cli.ts";
import { nameOf } from "./names.ts";

/** Time between two drawings, in milliseconds. */
const PAUSE = 100;
/** Time after which an earlier rate has lost most of its weight, in milliseconds. */
const MEMORY = 3000;
const BAR = 24;

/** Measures a rate. The recent past counts most. */
export class Rate {
  /** Bytes per second. */
  value = 0;
  #bytes: number;
  #time: number;

  /** Begins with a number of bytes at a time in milliseconds. */
  constructor(bytes: number, time: number) {
    this.#bytes = bytes;
    this.#time = time;
  }

  /** Takes the number of bytes at a later time. */
  add(bytes: number, time: number): void {
    const passed = time - this.#time;
    if (passed <= 0) return;
    const now = Math.max(0, bytes - this.#bytes) * 1000 / passed;
    const weight = this.value === 0 ? 1 : 1 - Math.exp(-passed / MEMORY);
    this.value += (now - this.value) * weight;
    this.#bytes = bytes;
    this.#time = time;
  }
}

/** Returns a number of bytes, such as `1.5 MB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (bytes >= 999.5 && at < units.length - 1) {
    bytes /= 1000;
    at++;
  }
  return `${at === 0 ? bytes : bytes.toFixed(bytes < 99.5 ? 1 : 0)} ${units[at]}`;
}

/** Returns a time, such as `1:02:03`. */
export function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => `${Math.floor(value) % 60}`.padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return hours > 0
    ? `${hours}:${two(whole / 60)}:${two(whole)}`
    : `${Math.floor(whole / 60)}:${two(whole)}`;
}

/** A line on the terminal that is drawn again and again. */
class Line {
  readonly #io: CliContext["io"];
  #shown = -Infinity;

  constructor({ io }: CliContext) {
    this.#io = io;
  }

  /** Draws a text, unless the last one is too recent. */
  draw(text: (now: number) => string): void {
    const now = performance.now();
    if (!this.#io.stderrIsTerminal || now - this.#shown < PAUSE) return;
    this.#shown = now;
    this.#io.stderr(`\r\x1b[K${text(now).replace(/\p{Cc}/gu, "?")}`);
  }

  /** Removes the line, until it is drawn again. */
  end(): void {
    if (this.#shown > -Infinity) this.#io.stderr("\r\x1b[K");
  }
}

/** The progress of one file. */
export class FileProgress {
  readonly #line: Line;
  readonly #label: string;
  readonly #size: number | undefined;
  readonly #offset: number;
  readonly #rate: Rate;

  /** Takes the path of the file, its size, and the number of bytes that were there before. */
  constructor(ctx: CliContext, path: string, size: number | undefined, offset: number) {
    this.#line = new Line(ctx);
    this.#label = nameOf(path).slice(0, 30);
    this.#size = size;
    this.#offset = offset;
    this.#rate = new Rate(offset, performance.now());
  }

  /** Shows the number of bytes of this transfer so far. */
  show(bytes: number): void {
    this.#line.draw((now) => {
      const done = this.#offset + bytes;
      this.#rate.add(done, now);
      return `${this.#label} ${fileText(done, this.#size, this.#rate.value)}`;
    });
  }

  /** Removes the progress from the terminal. */
  end(): void {
    this.#line.end();
  }
}

/** Returns a bar, the bytes, the rate, and the time left. */
export function fileText(done: number, size: number | undefined, rate: number): string {
  const speed = `${bytesText(done)}  ${bytesText(Math.round(rate))}/s`;
  if (!size) return speed;
  const part = Math.min(1, done / size);
  const bar = "#".repeat(Math.round(part * BAR)).padEnd(BAR);
  const left = rate > 0 ? `  ${timeText(Math.max(0, size - done) / rate)} left` : "";
  return `[${bar}] ${Math.floor(part * 100)}%  ${speed}${left}`;
}

/** The progress of a tree. Its size is unknown, so there is no time left. */
export class TreeProgress {
  readonly #line: Line;
  readonly #rate = new Rate(0, performance.now());
  readonly #moving = new Map<string, number>();
  #files = 0;
  #bytes = 0;

  /** Draws on the terminal of a program. */
  constructor(ctx: CliContext) {
    this.#line = new Line(ctx);
  }

  /** Begins a file. Those before it are complete, or go on. */
  begin(path: string): void {
    // After a lost session, a file begins again.
    const earlier = this.#moving.get(path);
    if (earlier === undefined) this.#files++;
    else this.#bytes -= earlier;
    this.#moving.set(path, 0);
  }

  /** Shows the number of bytes of a file so far. */
  show(bytes: number, path: string): void {
    this.#bytes += bytes - (this.#moving.get(path) ?? 0);
    this.#moving.set(path, bytes);
    this.#line.draw((now) => {
      this.#rate.add(this.#bytes, now);
      const speed = bytesText(Math.round(this.#rate.value));
      const files = `${this.#files} file${this.#files === 1 ? "" : "s"}`;
      return `${files}  ${bytesText(this.#bytes)}  ${speed}/s  ${path.slice(-40)}`;
    });
  }

  /** Removes the progress from the terminal. */
  end(): void {
    this.#line.end();
  }
}
