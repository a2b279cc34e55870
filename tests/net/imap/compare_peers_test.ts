import { assert, assertEquals } from "@std/assert";
import { needsPython } from "../../_support/peers.ts";
import { ROWS } from "./_dialogues.ts";
import { clients, faultsOf } from "./compare.ts";

const python = needsPython("imaplib");

Deno.test({
  name: `dialogues: imapflow and imaplib are right in no row that is wrong here${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    const { Portside, ...peers } = clients();
    const ours = await faultsOf(Portside!);
    assertEquals(ours.length, ROWS.length);
    for (const [name, client] of Object.entries(peers)) {
      const theirs = await faultsOf(client);
      const right = theirs.filter((fault) => fault === "").length;
      // The peer has done something, so the comparison means something. A busy machine makes it late.
      assert(right >= 30, `${name} has done nothing`);
      for (const [i, row] of ROWS.entries()) {
        if (theirs[i] === "") assertEquals(ours[i], "", `${row.name}, which ${name} understands`);
      }
    }
  },
});
