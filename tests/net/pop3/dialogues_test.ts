/** The dialogues of `dialogues.ts`. `compare.ts` runs them with poplib, too. */

import { assert, assertEquals } from "@std/assert";
import { pop3ScriptServer } from "../../_support/pop3_script.ts";
import { faultOf, readMail } from "./compare.ts";
import { DIALOGUES } from "./dialogues.ts";

for (const dialogue of DIALOGUES) {
  Deno.test(`POP3 dialogue: ${dialogue.name}`, async () => {
    await using server = pop3ScriptServer(dialogue.says);
    assertEquals(faultOf(dialogue, await readMail(server.port)), "");
    for (const form of dialogue.heard ?? []) {
      assert(server.heard.some((line) => form.test(line)), `${form}: ${server.heard.join()}`);
    }
  });
}
