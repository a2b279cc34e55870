/** Signatures of openssl, by every algorithm of the table. */

import { assert, assertEquals } from "@std/assert";
import {
  certificatesIn,
  parseAnchor,
  parseCertificate,
} from "../../../../net/internal/x509/certificate.ts";
import { asDefect } from "../../../../net/internal/x509/defect.ts";
import { checkSignature } from "../../../../net/internal/x509/signature.ts";
import { needs } from "../../../_support/peers.ts";

const openssl = needs("openssl");

async function run(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}

const pss = (hash: string, salt: number) => [
  `-${hash}`,
  ...["-sigopt", "rsa_padding_mode:pss", "-sigopt", `rsa_pss_saltlen:${salt}`],
];

/** The key of the authority, the flags for its signature, and the defect. */
const ROWS: ReadonlyArray<readonly [string, readonly string[], string | undefined]> = [
  ["rsa:2048", ["-sha256"], undefined],
  ["rsa:2048", ["-sha384"], undefined],
  ["rsa:3072", ["-sha512"], undefined],
  ["rsa:2048", pss("sha256", 32), undefined],
  ["rsa:2048", pss("sha384", 48), undefined],
  ["rsa:2048", pss("sha512", 64), undefined],
  ["ec:P-256", ["-sha256"], undefined],
  ["ec:P-384", ["-sha384"], undefined],
  ["ec:P-521", ["-sha512"], undefined],
  ["ed25519", [], undefined],
  ["rsa:2048", ["-sha1"], "UnsupportedSignatureAlgorithm"],
  ["rsa:2048", pss("sha256", 20), "UnsupportedSignatureAlgorithm"],
  ["rsa:1024", ["-sha256"], "BadSignature"],
  ["ed448", [], "UnsupportedSignatureAlgorithm"],
];

Deno.test({
  name: `checkSignature() verifies what openssl signs${openssl.suffix}`,
  ignore: openssl.ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    const file = (name: string) => `${folder}/${name}`;
    const made = async (name: string) => certificatesIn(await Deno.readTextFile(file(name)))[0]!;
    await Deno.writeTextFile(file("v3"), "basicConstraints=critical,CA:FALSE\n");
    const key = ["-nodes", "-keyout", file("key")];
    await run("req", "-newkey", "rsa:2048", ...key, "-out", file("request"), "-subj", "/CN=own");
    for (const [kind, flags, expected] of ROWS) {
      const [type = "", size = ""] = kind.split(":");
      const curve = type === "ec" ? ["-pkeyopt", `ec_paramgen_curve:${size}`] : [];
      const newKey = type === "ec" ? ["-newkey", "ec", ...curve] : ["-newkey", kind];
      const authority = ["-nodes", "-keyout", file("ca.key"), "-out", file("ca")];
      await run("req", "-x509", ...newKey, ...authority, "-subj", "/CN=ca");
      const signer = ["-CA", file("ca"), "-CAkey", file("ca.key"), "-CAcreateserial"];
      const files = ["-in", file("request"), "-extfile", file("v3"), "-out", file("own")];
      await run("x509", "-req", ...files, ...signer, ...flags);
      const own = parseCertificate(await made("own"));
      const { publicKey } = parseAnchor(await made("ca"));
      let defect: string | undefined;
      try {
        checkSignature(own, publicKey);
      } catch (error) {
        defect = asDefect(error).defect;
      }
      assertEquals(defect, expected, `${kind} ${flags}`);
    }
    await Deno.remove(folder, { recursive: true });
  },
});
