import { assert, assertEquals } from "@std/assert";
import { type MtuProbe, searchMtu } from "../../../tools/internal/mtu_search.ts";

/** A path whose links have these sizes, each with or without a report. */
function path(...links: { size: number; from?: string; silent?: boolean }[]) {
  const sent: number[] = [];
  const probe = (size: number): Promise<MtuProbe> => {
    sent.push(size);
    const narrow = links.find((link) => size > link.size);
    if (narrow === undefined) return Promise.resolve({ fits: true });
    const { size: mtu, from, silent } = narrow;
    return Promise.resolve(silent ? { fits: false } : { fits: false, mtu, from });
  };
  return { sent, probe };
}

Deno.test("searchMtu() follows the reports of this machine and of routers", async () => {
  const { sent, probe } = path({ size: 1500 }, { size: 1400, from: "a" }, {
    size: 1300,
    from: "b",
  });
  assertEquals(await searchMtu(probe, 576, 9000), { size: 1300, router: "b", blackHole: false });
  assertEquals(sent, [576, 9000, 1500, 1400, 1300]);
});

Deno.test("searchMtu() finds the size of a link that drops packets silently", async () => {
  for (const size of [577, 1279, 1372, 1499]) {
    const { sent, probe } = path({ size: 1500 }, { size, silent: true });
    assertEquals(await searchMtu(probe, 576, 9000), { size, blackHole: true });
    assert(sent.length < 30, `${sent.length} packets`);
  }
});

Deno.test("searchMtu() tolerates a lost packet, and lies of routers", async () => {
  let lost = false;
  const once = (size: number) => {
    const fits = size <= 1500 && (lost || size === 576);
    if (size === 1500) lost = true;
    return Promise.resolve({ fits, ...(size > 1500 && { mtu: 1500 }) });
  };
  assertEquals(await searchMtu(once, 576, 9000), {
    size: 1500,
    router: undefined,
    blackHole: false,
  });
  const liar = (size: number) => Promise.resolve({ fits: size <= 1000, mtu: size + 1 });
  assertEquals(await searchMtu(liar, 576, 9000), { size: 1000, blackHole: true });
  const silent = () => Promise.resolve({ fits: false });
  assertEquals(await searchMtu(silent, 576, 9000), undefined);
});
