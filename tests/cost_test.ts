import { assertEquals } from "@std/assert";
import { ROWS as CHAT } from "./cost/chat.ts";
import { ROWS as HTTP } from "./cost/http.ts";
import { ROWS as NET } from "./cost/net.ts";
import { ROWS as TOOLS } from "./cost/tools.ts";
import { ROWS as WS } from "./cost/ws.ts";
import { type CostRow, findSteep } from "./_support/cost.ts";
import { FLOORS, namesIn, publicModulesBelow } from "./_support/repository.ts";

const ROWS: readonly CostRow[] = [...NET, ...HTTP, ...WS, ...TOOLS, ...CHAT];

for (const row of ROWS) {
  Deno.test(`the cost of ${row.name} is linear in what a peer sends`, async () => {
    const steep = await findSteep(row);
    if (steep === undefined) return;
    const [whole, part] = steep.times.map((ms) => `${ms.toFixed(2)} ms`);
    throw new Error(
      `${row.name} takes ${whole} for ${steep.size} characters, ` +
        `and ${part} for a sixteenth of them: ${steep.input}`,
    );
  });
}

/** A name that says that its bearer reads something. */
const READS =
  /^(?:decode|parse|read|scan|match|find|check|has[A-Z]|is[A-Z]|normalize|neutralise|split|trim|lower|upper|escape|literal|peer[A-Z]|reverse|preferred|name[A-Z]|byteLength)|(?:Decoder|Reader|Parser|Handshake|Blocks|Allowed)$/;

/** What bears such a name and reads nothing that a peer has a say in. */
const OTHERS: Readonly<Record<string, string>> = {
  isCloseCode: "takes a number",
  isInBlock: "takes numbers",
  isRetryStatus: "takes a number",
  isSilence: "takes an error",
  peerHost: "takes an address, and reads no part of it",
  readPem: "reads a file of the user",
  scan: "reads 256 bytes of a banner, and what other functions have read",
};

Deno.test("every exported function that reads what a peer sends has its cost measured", async () => {
  const chat = namesIn("examples/chat").filter((name) => name.endsWith(".ts"));
  const files = [
    ...FLOORS.flatMap(publicModulesBelow),
    ...chat.map((name) => `examples/chat/${name}`),
  ];
  const covered = new Set(ROWS.flatMap(({ covers = [] }) => covers));
  const readers = new Set<string>();
  for (const file of files) {
    const exported: Record<string, unknown> = await import(`../${file}`);
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value === "function" && READS.test(name)) readers.add(name);
    }
  }
  const missing = [...readers].filter((name) => !covered.has(name) && !Object.hasOwn(OTHERS, name));
  assertEquals(missing, [], "add a row to tests/cost/, or say in OTHERS why it needs none");
  const gone = [...Object.keys(OTHERS)].filter((name) => !readers.has(name));
  assertEquals(gone, [], "these are not exported any more");
});

Deno.test("what finds a steep cost finds a quadratic one, and takes no linear one for it", async () => {
  const find = (limit: number, run: (text: string) => unknown) =>
    findSteep({ name: "", limit, run, only: true, units: ["x", ",", " "] });
  assertEquals((await find(32 * 1024, (text) => /\s+$/.test(`${text}.`)))?.size, 32 * 1024);
  assertEquals(await find(32 * 1024, (text) => `${text}.`.trimEnd()), undefined);
  // A cubic one is stopped long before its limit, and an exponential one at once.
  assertEquals((await find(8192, (text) => /,.*,.*,;/s.test(text)))?.size, 512);
  assertEquals((await find(64 * 1024, (text) => /^(?:x|x)*,$/.test(text)))?.size, 24);
});
