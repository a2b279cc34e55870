/** The dialogues of `dialogues.ts`. `compare.ts` runs them with other clients, too. */

import { assertEquals } from "@std/assert";
import { faultOf, taskOf } from "../../_support/smtp_dialogue.ts";
import { scriptServer } from "../../_support/smtp_script.ts";
import { sendBoth } from "./compare.ts";
import { DIALOGUES } from "./dialogues.ts";

for (const dialogue of DIALOGUES) {
  Deno.test(`SMTP dialogue: ${dialogue.name}`, async () => {
    await using server = scriptServer(dialogue.says);
    const reports = await sendBoth(taskOf(dialogue, server.port));
    assertEquals(faultOf(dialogue, server, reports), "");
  });
}
