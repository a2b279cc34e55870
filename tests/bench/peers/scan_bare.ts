/** A scan on the bare API of Deno: 100 loops, and no time limit. @module */

let next = 1;
let open = 0;
async function worker(): Promise<void> {
  while (next <= 65_535) {
    const port = next++;
    try {
      (await Deno.connect({ hostname: "127.77.0.3", port })).close();
      open++;
    } catch { /* It is closed. */ }
  }
}
await Promise.all(Array.from({ length: 100 }, worker));
console.log(open);
