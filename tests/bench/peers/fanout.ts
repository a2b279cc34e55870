/**
 * Fan-out with one order: in one thread, or in Workers whose lines the main thread numbers. The argument is
 * the number of Workers.
 *
 * @module
 */

import { type Line, serveFanOut } from "./_fanout.ts";

const count = Number(Deno.args[0] ?? 0);
let seq = 0;
const order = (lines: readonly Line[]) => lines.map((line) => ({ ...line, seq: ++seq }));

if (count === 0) {
  const rooms = serveFanOut((lines) => rooms.tell(order(lines)));
  console.log(`listening on ${rooms.url}`);
}

const workers = Array.from(
  { length: count },
  () => new Worker(new URL("./_fanout_worker.ts", import.meta.url), { type: "module" }),
);
for (const worker of workers) {
  worker.onmessage = ({ data }: MessageEvent<string | Line[]>) => {
    if (typeof data === "string") return console.log(`listening on ${data}`);
    const lines = order(data);
    for (const each of workers) each.postMessage(lines);
  };
}
