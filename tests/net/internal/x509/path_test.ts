import { assertEquals, assertThrows } from "@std/assert";
import {
  type Certificate,
  parseAnchor,
  parseCertificate,
} from "../../../../net/internal/x509/certificate.ts";
import { asDefect, Defect, type DefectName } from "../../../../net/internal/x509/defect.ts";
import { checkPath, checkValidity, mayLeadByName } from "../../../../net/internal/x509/path.ts";
import { type CertificateSpec, writeCertificate } from "../../../_support/x509_writer.ts";

const root = await writeCertificate({ cn: "Root", ca: true });
const anchors = [parseAnchor(root.der)];

function defectOf(work: () => unknown): DefectName | undefined {
  try {
    work();
  } catch (error) {
    return asDefect(error).defect;
  }
  return undefined;
}

async function read(spec: CertificateSpec): Promise<Certificate> {
  return parseCertificate((await writeCertificate(spec)).der);
}

Deno.test("checkPath() checks the purpose of clients, too", async () => {
  const rows = [[undefined, undefined], [[2], undefined], [[1], "InvalidPurpose"]] as const;
  for (const [purposes, defect] of rows) {
    const own = await read({ by: root, ca: false, ...(purposes && { purposes }) });
    assertEquals(defectOf(() => checkPath(own, [], anchors, "client")), defect);
  }
});

Deno.test("checkPath() ends with as many authorities of one name as fit into a handshake", async () => {
  const by = await writeCertificate({ cn: "Same", ca: true });
  const twins = await Promise.all(Array.from({ length: 200 }, async () => {
    return (await writeCertificate({ cn: "Same", ca: true, by })).der;
  }));
  // Reading each of them at each step of the search took 7 seconds.
  let reads = 0;
  const counted = new Proxy(twins, {
    get(all, name) {
      if (typeof name === "string" && /^\d+$/.test(name)) reads++;
      return Reflect.get(all, name);
    },
  });
  const own = await read({ by, ca: false });
  assertEquals(defectOf(() => checkPath(own, counted, anchors, "server")), "TooDeep");
  assertEquals(reads, twins.length);
});

Deno.test("a certificate with an unknown critical extension is rejected, unless it is trusted", async () => {
  const { der } = await writeCertificate({ by: root, unknownCritical: true });
  assertEquals(defectOf(() => parseCertificate(der)), "UnsupportedCriticalExtension");
  assertEquals(defectOf(() => parseAnchor(der)), undefined);
});

Deno.test("a certificate of version 1 is rejected, unless it is trusted", async () => {
  const { der } = await writeCertificate({ by: root, version: 1 });
  assertEquals(defectOf(() => parseCertificate(der)), "UnsupportedCertVersion");
  assertEquals(defectOf(() => parseAnchor(der)), undefined);
});

Deno.test("a certificate that is cut or changed anywhere is a Defect, and nothing else", async () => {
  const spec = { by: root, names: [{ dns: "a.test" }], permitted: [{ ip: "10.0.0.0/8" }] };
  const { der } = await writeCertificate({ ...spec, ca: 3, purposes: [1], usage: [5] });
  for (let i = 0; i < der.length; i++) {
    assertThrows(() => parseCertificate(der.subarray(0, i)), Defect);
    for (const bit of [1, 0x80]) {
      const changed = der.slice();
      changed[i]! ^= bit;
      const defect = defectOf(() => {
        checkPath(parseCertificate(changed), [changed], anchors, "server");
      });
      assertEquals(typeof defect, "string", `byte ${i}`);
    }
  }
});

Deno.test("mayLeadByName() is true for whatever leads to a trusted name, and for the unreadable", async () => {
  const stranger = await writeCertificate({ cn: "Stranger", ca: true });
  const forged = await writeCertificate({ cn: "Sub", by: root, forged: true, version: 1 });
  const own = await read({ by: forged });
  const lead = (others: readonly Uint8Array[]) => mayLeadByName(own, others, anchors);
  assertEquals(lead([]), false);
  assertEquals(lead([stranger.der]), false);
  assertEquals(lead([stranger.der, forged.der]), true);
  assertEquals(lead([new Uint8Array([0x30, 0x80])]), true);
  assertEquals(mayLeadByName(await read({ by: root }), [], anchors), true);
});

Deno.test("checkValidity() knows only the days of the calendar", () => {
  const element = (text: string) => [0x17, text.length, ...new TextEncoder().encode(text)];
  const rows: [string, DefectName | undefined][] = [
    ["400229235959Z", undefined],
    ["410229000000Z", "BadEncoding"],
    ["400230000000Z", "BadEncoding"],
    ["400431000000Z", "BadEncoding"],
    ["400101240000Z", "BadEncoding"],
    ["401301000000Z", "BadEncoding"],
  ];
  for (const [end, defect] of rows) {
    const validity = new Uint8Array([...element("200101000000Z"), ...element(end)]);
    assertEquals(defectOf(() => checkValidity(validity)), defect, end);
  }
});
