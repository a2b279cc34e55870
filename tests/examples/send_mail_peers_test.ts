/** `examples/send_mail.ts` against Exim. */

import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../examples/send_mail.ts";
import { recordingIo } from "../../tools/cli.ts";
import { testCertificates } from "../_support/certificates.ts";
import { untilDelivered } from "../_support/maildir.ts";
import { needsMta, startExim } from "../_support/mta.ts";

const exim = needsMta("exim4");

Deno.test({
  name: `send_mail: Exim knows the user by the certificate, with both forms of TLS${exim.suffix}`,
  ignore: exim.ignore,
  async fn() {
    const { ca, client, untrusted } = await testCertificates();
    const folder = await Deno.makeTempDir();
    try {
      await using server = await startExim(["ann"]);
      const files = {
        ca,
        cert: client.cert,
        key: client.key,
        no: untrusted.cert,
        nokey: untrusted.key,
      };
      for (const [name, pem] of Object.entries(files)) {
        await Deno.writeTextFile(`${folder}/${name}`, pem);
      }
      const run = async (...args: string[]) => {
        const io = recordingIo();
        const message = ["--from", "bob@b.test", "--to", "ann@b.test", "--text", "hello"];
        const login = ["--ca", `${folder}/ca`, "--mechanism", "EXTERNAL"];
        return { code: await main([...message, ...login, ...args], io), err: io.err };
      };
      const pair = ["--cert", `${folder}/cert`, "--key", `${folder}/key`];
      const forms = [
        ["--port", `${server.smtp}`],
        ["--port", `${server.smtps}`, "--tls", "implicit"],
      ];
      for (const form of forms) {
        assertEquals(await run(...form, ...pair, "--user", "ann"), { code: 0, err: "" });
        const other = await run(...form, ...pair, "--user", "eve");
        assertEquals(other.code, 1);
        assertMatch(other.err, /535/);
        const stranger = ["--cert", `${folder}/no`, "--key", `${folder}/nokey`, "--user", "ann"];
        assertEquals((await run(...form, ...stranger)).code, 1);
      }
      assertEquals((await untilDelivered(server.maildir("ann"), 2)).length, 2);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
