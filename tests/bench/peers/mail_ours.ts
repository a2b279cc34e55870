import { connectImap } from "../../../net/imap/client.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { connectSmtp } from "../../../net/smtp/client.ts";

const [amount = "", what, port] = Deno.args;
const total = Number(amount);
const options = {
  port: Number(port),
  tls: "none",
  allowPlaintextLogin: true,
  username: "ann",
  password: "secret",
} as const;
let count = 0;
let started = 0;
if (what === "imap") {
  await using mail = await connectImap(options);
  await mail.examine("INBOX");
  started = performance.now();
  // All that there are, as often as it takes.
  while (count < total) {
    const messages = await mail.fetch("1:*", { sections: ["TEXT"] });
    const texts = new Map(messages.map(({ uid, sections }) => [uid, sections.get("TEXT")!]));
    for (const text of texts.values()) if (text.length > 0) count++;
  }
  tell();
} else if (what === "imap-each") {
  await using mail = await connectImap(options);
  await mail.examine("INBOX");
  started = performance.now();
  while (count < total) {
    for (const uid of await mail.search()) {
      const [message] = await mail.fetch(uid, { sections: ["TEXT"] });
      if (message?.sections.get("TEXT")?.length) count++;
    }
  }
  tell();
} else if (what === "pop3") {
  await using mail = await connectPop3(options);
  started = performance.now();
  const numbers = Array.from({ length: total }, (_, i) => i + 1);
  for await (const { data } of mail.retrieveAll(numbers)) if (data.length > 0) count++;
  tell();
} else {
  const { username: _, password: __, ...rest } = options;
  await using mail = await connectSmtp(rest);
  started = performance.now();
  const message = `Subject: hi\r\n\r\n${"a line of a small message\r\n".repeat(20)}`;
  const envelope = { from: "a@a.test", to: ["b@b.test"] };
  for (let i = 0; i < total; i++) count += (await mail.send(envelope, message)).accepted.length;
  tell();
}

function tell(): void {
  console.log(JSON.stringify({ count, seconds: (performance.now() - started) / 1000 }));
}
