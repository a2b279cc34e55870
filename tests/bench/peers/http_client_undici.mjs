// Asks a server over and over with undici on Node. Takes port, users, milliseconds, method, the file of an
// authority or "", and the folder that undici is installed in; "fetch" as a seventh argument for its
// `fetch` instead of its pool.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [port, users, ms] = process.argv.slice(2).map(Number);
const [method, ca, folder, kind] = process.argv.slice(5);
const origin = `${ca === "" ? "http" : "https"}://127.0.0.1:${port}`;
const { Agent, fetch, Pool } = createRequire(`${folder}/`)("undici");
const viaFetch = kind === "fetch";
const connect = ca === "" ? {} : { connect: { ca: readFileSync(ca) } };
const pool = viaFetch
  ? new Agent({ connections: users, ...connect })
  : new Pool(origin, { connections: users, ...connect });
const value = () => JSON.stringify({ message: "Hello, World!" });
const init = () =>
  method === "POST"
    ? { method, headers: { "content-type": "application/json" }, body: value() }
    : { method };
const ask = viaFetch
  ? async () => (await fetch(`${origin}/hello`, { dispatcher: pool, ...init() })).json()
  : async () => (await pool.request({ path: "/hello", ...init() })).body.json();

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

await run(performance.now() + 3000);
const before = process.cpuUsage();
const began = performance.now();
const count = await run(began + ms);
const ns = Math.round((performance.now() - began) * 1e6);
const { user, system } = process.cpuUsage(before);
console.log(`end ${JSON.stringify({ count, ns, cpu: (user + system) * 1000 })}`);
process.exit(0);
