/** The dialogues of `dialogues.ts`, with this package, Nodemailer and smtplib. */

import { assertEquals } from "@std/assert";
import { connectSmtp } from "../../../net/smtp/client.ts";
import { faultOf, type SmtpReport, type SmtpTask, taskOf } from "../../_support/smtp_dialogue.ts";
import { scriptServer } from "../../_support/smtp_script.ts";
import { ANN } from "../../_support/smtp_server.ts";
import { DIALOGUES, SECOND } from "./dialogues.ts";

/** Sends both messages of a task. */
async function sendBoth({ port, to, message, login }: SmtpTask): Promise<SmtpReport[]> {
  const reports: SmtpReport[] = [];
  try {
    await using mail = await connectSmtp({
      ...{ port, tls: "none", allowPlaintextLogin: true, timeout: 4000, finalTimeout: 4000 },
      ...(login && ANN),
    });
    for (const recipients of [to, [SECOND]]) {
      const report = await mail.send({ from: "ann@a.test", to: recipients }, message)
        .then(
          ({ accepted }) => ({ accepted }),
          ({ message }) => ({ accepted: [], error: message }),
        );
      reports.push(report);
    }
  } catch (error) {
    reports.push({ accepted: [], error: (error as Error).message });
  }
  return reports;
}

for (const dialogue of DIALOGUES) {
  Deno.test(`SMTP dialogue: ${dialogue.name}`, async () => {
    await using server = scriptServer(dialogue.says);
    const reports = await sendBoth(taskOf(dialogue, server.port));
    assertEquals(faultOf(dialogue, server, reports), "");
  });
}
