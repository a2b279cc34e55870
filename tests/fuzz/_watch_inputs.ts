/** The Worker of `watchdog.ts`. @module */

/// <reference lib="deno.worker" />

import { writeCase } from "./cases.ts";

interface Start {
  readonly memory: Uint32Array;
  readonly text: Uint16Array;
  readonly pid: number;
  readonly patience: number;
}

let target = "";

self.onmessage = ({ data }: MessageEvent<Start | { readonly target: string }>) => {
  if ("target" in data) target = data.target;
  else watch(data);
};

function watch({ memory, text, pid, patience }: Start): void {
  let seen = -1;
  setInterval(async () => {
    const number = Atomics.load(memory, 0);
    if (number !== seen) {
      seen = number;
      return;
    }
    const input = String.fromCharCode(...text.slice(0, memory[1]));
    const problem = `It does not end within ${patience} ms`;
    console.error(
      `${target}: ${problem}\n${await writeCase({ target, input, cuts: [], problem })}`,
    );
    Deno.kill(pid, "SIGKILL");
  }, patience);
}
