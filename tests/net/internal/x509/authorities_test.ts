import { assertEquals } from "@std/assert";
import { anchorsIn, areReadable } from "../../../../net/internal/x509/authorities.ts";
import { writeCertificate } from "../../../_support/x509_writer.ts";

const root = await writeCertificate({ cn: "Root", ca: true });

Deno.test("anchorsIn() reads every certificate of every text, and leaves out what is none", async () => {
  const second = await writeCertificate({ cn: "Second", ca: true });
  const broken = root.pem.replace(/[A-Za-z]{4}\n/, "????\n");
  const cut = root.pem.replace(/\n[^-\n]+\n-----END/, "\n-----END");
  const texts = [`# roots\n${root.pem}\n${second.pem}`, broken, cut, "nothing"];
  assertEquals(anchorsIn(texts).map(({ der }) => der), [root.der, second.der]);
  assertEquals(areReadable([texts[0]!, root.pem]), true);
  const old = root.pem.replaceAll("CERTIFICATE", "X509 CERTIFICATE");
  for (const text of [broken, cut, root.pem + broken, root.pem + old]) {
    assertEquals(areReadable([root.pem, text]), false);
  }
});
