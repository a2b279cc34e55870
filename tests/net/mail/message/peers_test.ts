/** Messages that Python's `email` reads and writes. */

import { assertEquals } from "@std/assert";
import { buildMessage } from "../../../../net/mail/message/build_message.ts";
import { readMessage } from "../../../../net/mail/message/read_message.ts";
import { needsPython, pythonWith } from "../../../_support/peers.ts";
import { runPeer } from "../../../_support/runnable.ts";

const python = needsPython("email");

const FILES = [
  "plain.txt",
  'quotes " and \\ and ; .txt',
  "grüße 你好.txt",
  `${"long ".repeat(40)}é.txt`,
];
// Python loses or adds blanks where it needs several encoded words.
const NAME = 'Jörg "A", <x@y>';
const SUBJECT = `${"grüße und sehr lange Wörter ".repeat(8)}end`;
const SHORT = "grüße, 你好";
const TEXT = `.dot\nFrom here\n${"x".repeat(3000)}\nü\n`;

/** Reads a message, and prints its parts as JSON. */
const READ = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
one = m["From"].addresses[0]
print(json.dumps({
  "subject": m["Subject"], "name": one.display_name, "address": one.addr_spec,
  "to": [a.addr_spec for a in m["To"].addresses], "date": m["Date"].datetime.isoformat(),
  "text": m.get_body(("plain",)).get_content().replace("\\r", ""),
  "html": m.get_body(("html",)).get_content().replace("\\r", ""),
  "files": [[p.get_filename(), len(p.get_content())] for p in m.iter_attachments()],
  "defects": [str(d) for p in m.walk() for d in p.defects] + [str(d) for v in m.values() for d in v.defects],
}))
`;

/** Writes a message with the parts that it gets as JSON. */
const WRITE = `
import email.message, email.policy, json, sys
given = json.load(sys.stdin)
m = email.message.EmailMessage(policy=email.policy.SMTP)
m["From"] = email.headerregistry.Address(given["name"], addr_spec="ann@a.test")
m["To"] = "b@b.test, C <c@c.test>"
m["Subject"] = given["subject"]
m.set_content(given["text"])
m.add_alternative("<b>hi</b>", subtype="html")
for name in given["files"]:
    m.add_attachment(bytes(1000), maintype="application", subtype="x-own", filename=name)
sys.stdout.buffer.write(m.as_bytes())
`;

Deno.test({
  name: `Python reads what buildMessage() builds, without a defect${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    const message = buildMessage({
      from: { name: NAME, address: "ann@a.test" },
      to: ["b@b.test", "C <c@c.test>"],
      subject: SUBJECT,
      text: TEXT,
      html: "<b>hi</b>\n",
      date: new Date(0),
      attachments: FILES.map((filename) => ({
        filename,
        type: "application/x-own",
        content: new Uint8Array(1000),
      })),
    });
    const text = await new Response(message).text();
    const { stdout, stderr } = await runPeer(pythonWith("email")!, ["-c", READ], text);
    assertEquals(stderr, "");
    assertEquals(JSON.parse(stdout), {
      subject: SUBJECT,
      name: NAME,
      address: "ann@a.test",
      to: ["b@b.test", "c@c.test"],
      date: "1970-01-01T00:00:00+00:00",
      text: TEXT,
      html: "<b>hi</b>\n",
      files: FILES.map((name) => [name, 1000]),
      defects: [],
    });
  },
});

Deno.test({
  name: `readMessage() reads what Python writes${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    const given = JSON.stringify({ name: NAME, subject: SHORT, text: TEXT, files: FILES });
    const script = `import email.headerregistry${WRITE}`;
    const { stdout, stderr } = await runPeer(pythonWith("email")!, ["-c", script], given);
    assertEquals(stderr, "");
    const read = await readMessage(new TextEncoder().encode(stdout));
    assertEquals(read.subject, SHORT);
    assertEquals(read.from, [{ name: NAME, address: "ann@a.test" }]);
    assertEquals(read.to.map(({ address }) => address), ["b@b.test", "c@c.test"]);
    assertEquals([read.text?.trimEnd(), read.html?.trim()], [TEXT.trimEnd(), "<b>hi</b>"]);
    assertEquals(read.attachments.map(({ filename, content }) => [filename, content.length]), [
      ...FILES.map((name): [string, number] => [name, 1000]),
    ]);
  },
});
