/** `diagnose` against servers of OpenSSL that no client of today accepts. */

import { assertEquals, assertMatch } from "@std/assert";
import { testCertificates } from "../../_support/certificates.ts";
import { needs } from "../../_support/peers.ts";
import { Runnable } from "../../_support/runnable.ts";
import { diagnose } from "../../../tools/diagnose.ts";

const openssl = needs("openssl");

/** The arguments of `openssl s_server`, and what `diagnose` says about it. */
const ROWS: readonly [args: string[], verdict: RegExp][] = [
  [["-tls1_1"], /does not support TLS 1\.2 or later$/],
  [["-tls1"], /does not support TLS 1\.2 or later$/],
  [["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], /refuses the TLS handshake$/],
  [["-alpn", "acme-tls/1"], /no application protocol in common/],
  [["-tls1_2", "-Verify", "1", "-verify_return_error"], /but requires a client certificate$/],
  [["-tls1_2"], /accepts connections and speaks TLSv1\.2 in /],
  [["-tls1_3"], /accepts connections and speaks TLSv1\.3 in /],
];

Deno.test({
  name: `diagnose names the reason why openssl s_server cannot be used${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    const { ca, good } = await testCertificates();
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/cert`, good.cert);
    await Deno.writeTextFile(`${folder}/key`, good.key);
    try {
      for (const [args, verdict] of ROWS) {
        const child = new Deno.Command("openssl", {
          args: ["s_server", "-www", "-accept", "127.0.0.1:0", "-cert", `${folder}/cert`]
            .concat("-key", `${folder}/key`, ...args)
            .concat(args.includes("-cipher") ? [] : ["-cipher", "DEFAULT:@SECLEVEL=0"]),
          ...{ stdin: "null", stdout: "piped", stderr: "piped" } as const,
        }).spawn();
        await using server = new Runnable(child);
        await server.until(({ stdout }) => /^ACCEPT \S+:\d+$/m.test(stdout), "that it listens");
        const where = /^ACCEPT (\S+)$/m.exec(server.stdout)![1]!;
        const scheme = args.includes("-alpn") ? "https" : "tls";
        const steps = ["dns", "tcp", "tls"] as const;
        const found = await diagnose(`${scheme}://${where}`, {
          steps,
          caCerts: [ca],
          timeout: 9000,
        });
        assertMatch(found.verdict, verdict);
        assertEquals(found.ok, /speaks/.test(found.verdict));
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
