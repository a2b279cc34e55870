// Asks a server over and over with undici on Node. Takes port, users, milliseconds, and the folder
// that undici is installed in; "fetch" as a fifth argument for its `fetch` instead of its pool.
import { createRequire } from "node:module";

const [port, users, ms] = process.argv.slice(2).map(Number);
const origin = `http://127.0.0.1:${port}`;
const { Agent, fetch, Pool } = createRequire(`${process.argv[5]}/`)("undici");
const viaFetch = process.argv[6] === "fetch";
const pool = viaFetch
  ? new Agent({ connections: users })
  : new Pool(origin, { connections: users });
const ask = viaFetch
  ? async () => (await fetch(`${origin}/hello`, { dispatcher: pool })).json()
  : async () => (await pool.request({ method: "GET", path: "/hello" })).body.json();

async function run(until) {
  let count = 0;
  await Promise.all(Array.from({ length: users }, async () => {
    while (performance.now() < until) {
      const { message } = await ask();
      if (message !== "Hello, World!") throw new Error("a wrong answer");
      count++;
    }
  }));
  return count;
}

await run(performance.now() + 500);
const before = process.cpuUsage();
const began = performance.now();
const count = await run(began + ms);
const ns = Math.round((performance.now() - began) * 1e6);
const { user, system } = process.cpuUsage(before);
console.log(`end ${JSON.stringify({ count, ns, cpu: (user + system) * 1000 })}`);
process.exit(0);
