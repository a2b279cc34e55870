/** `diagnose` against nginx with certificates of every kind. `connectTls` agrees with each verdict. */

import { assert, assertEquals } from "@std/assert";
import { connectTls } from "../../../net/tls/client.ts";
import { NetError, type TlsFailure } from "../../../net/errors/errors.ts";
import { diagnose } from "../../../tools/diagnose.ts";
import { startNginx } from "../../_support/http_peers.ts";
import { needs } from "../../_support/peers.ts";
import { makeRows } from "./_certificates.ts";

/** Returns why `connectTls` refuses a server; undefined if it does not. */
async function refusal(
  hostname: string,
  port: number,
  caCerts: string[],
): Promise<TlsFailure | "other" | undefined> {
  try {
    (await connectTls({ hostname, port, caCerts })).abort();
    return undefined;
  } catch (error) {
    assert(error instanceof NetError, `${error}`);
    return error.tls ?? "other";
  }
}

const nginx = needs("nginx");
Deno.test({
  name: `diagnose names the reason why each certificate of nginx is refused${nginx.suffix}`,
  ignore: nginx.ignore,
  async fn() {
    const { root, rows } = await makeRows();
    const folder = await Deno.makeTempDir();
    const wrong: string[] = [];
    try {
      await Deno.chmod(folder, 0o755);
      for (const [i, { shown }] of rows.entries()) {
        await Deno.writeTextFile(`${folder}/${i}.crt`, shown.map(({ pem }) => pem).join(""));
        await Deno.writeTextFile(`${folder}/${i}.key`, shown[0]!.key);
      }
      const servers = rows.map((_, i) =>
        `server { listen 127.0.0.1:{port${i}} ssl; return 200 "hi";
          ssl_certificate ${folder}/${i}.crt; ssl_certificate_key ${folder}/${i}.key; }`
      );
      const http = `ssl_ciphers DEFAULT:@SECLEVEL=0; ssl_protocols TLSv1.2 TLSv1.3;\n`;
      await using server = await startNginx(http + servers.join("\n"), rows.length);
      const caCerts = [root.pem];
      for (const [i, { name, host, verdict }] of rows.entries()) {
        const port = server.ports[i]!;
        const url = `https://${host}:${port}/`;
        const found = await diagnose(url, {
          steps: ["dns", "tcp", "tls", "http"],
          caCerts,
          family: 4,
          timeout: 20_000,
        });
        const judged = verdict === undefined ? found.ok : verdict.test(found.verdict);
        if (!judged || found.ok !== (verdict === undefined)) {
          wrong.push(`${name}: ${found.verdict}`);
        }
        const tls = found.steps.find((step) => step.step === "tls");
        const refused = await refusal(host, port, caCerts);
        const told = tls?.step === "tls" ? tls.failures[0] ?? tls.error?.tls : "no step";
        if (refused !== told) wrong.push(`${name}: connectTls says ${refused}, diagnose ${told}`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    assertEquals(wrong, []);
  },
});
