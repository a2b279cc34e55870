/** The licences of all packages, and the bill of materials of a release. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Package, readPackages } from "../.tasks/packages.ts";
import { licenceFaults, licencesPage, licenceTexts } from "../.tasks/licences.ts";
import { sbomOf } from "../.tasks/sbom.ts";
import config from "../deno.json" with { type: "json" };
import { LOCK } from "./_support/flags.ts";
import { deno, read } from "./_support/repository.ts";

const packages = await readPackages();

function packageOf(more: Partial<Package>): Package {
  const rest = { version: "1.0.0", sha512: "AAAA", forTests: false, texts: [] };
  return { name: "x", licence: "MIT", ...rest, ...more };
}

Deno.test("docs/licences.md is what deno task licences writes, and names every package", async () => {
  const page = await licencesPage(packages);
  assertEquals(read("docs/licences.md"), page);
  const { npm } = JSON.parse(read("deno.lock")) as { npm: Record<string, unknown> };
  assertEquals(packages.length, Object.keys(npm).length);
  for (const { name } of packages) assertStringIncludes(page, `| ${name} `);
});

Deno.test("every licence is known and permissive, or that of a package of the tests", () => {
  assertEquals(licenceFaults(packages), []);
  const faultsOf = (more: Partial<Package>) => licenceFaults([packageOf(more)]);
  for (const licence of ["MIT", "Apache-2.0 AND ISC", "MIT OR EUPL-1.1+", "GPL-3.0 OR 0BSD"]) {
    assertEquals(faultsOf({ licence }), [], licence);
  }
  for (
    const licence of [
      "GPL-3.0",
      "AGPL-3.0-only",
      "LGPL-3.0",
      "MPL-2.0",
      "MIT AND GPL-2.0",
      "unknown",
      "",
    ]
  ) {
    assertEquals(faultsOf({ licence }), [`x 1.0.0: the licence is ${licence}`]);
    assertEquals(faultsOf({ licence, forTests: true }).length, 1);
  }
  const axe = { name: "axe-core", licence: "MPL-2.0" };
  assertEquals(faultsOf({ ...axe, forTests: true }), []);
  assertEquals(faultsOf(axe).length, 1);
});

Deno.test("the packages of the published modules are those that are not for the tests alone", async () => {
  const shipped = new Set(packages.filter(({ forTests }) => !forTests).map(({ name }) => name));
  assert(shipped.has("markdown-it") && !shipped.has("playwright-core"));
  for (const file of ["mod.ts", "examples/chat.ts", "examples/send_mail.ts"]) {
    const { stdout } = await deno(["info", LOCK, "--json", file]);
    const { modules } = JSON.parse(stdout) as { modules: { npmPackage?: string }[] };
    const used = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
    for (const one of used) assert(shipped.has(one.replace(/(?<=.)@.*$/, "")), one);
  }
});

Deno.test("the texts of all licences come with a release, each of them once", async () => {
  const texts = await licenceTexts(packages);
  for (const part of ["LICENSE", "LICENSE-UNICODE", "UNICODE LICENSE V3", "argparse 3.0.4"]) {
    assertStringIncludes(texts, part);
  }
  for (const { name, version, forTests } of packages) {
    assertEquals(texts.split("\n").includes(`${name} ${version}`), !forTests, name);
  }
});

Deno.test("the bill of materials has a version, a licence and a hash for each package", () => {
  const { packages: entries, relationships, documentNamespace, creationInfo } = sbomOf(
    packages,
    new Date(0),
  );
  assertEquals(creationInfo.created, "1970-01-01T00:00:00Z");
  assertEquals(new URL(documentNamespace).hash, "");
  const [own, ...others] = entries;
  assertEquals([own!.name, own!.versionInfo], [config.name, config.version]);
  assertEquals(others.length, packages.filter(({ forTests }) => !forTests).length);
  const ids = new Set(entries.map(({ SPDXID }) => SPDXID));
  assertEquals(ids.size, entries.length);
  for (const { SPDXID, licenseDeclared, downloadLocation, checksums } of others) {
    assertMatch(SPDXID, /^SPDXRef-[A-Za-z0-9.-]+$/);
    assert(licenseDeclared !== "" && licenseDeclared !== "unknown");
    assertMatch(downloadLocation, /^https:\/\/registry\.npmjs\.org\/.+\/-\/.+\.tgz$/);
    assertMatch(checksums![0]!.checksumValue, /^[0-9a-f]{128}$/);
  }
  for (const { spdxElementId, relatedSpdxElement } of relationships) {
    assert(ids.has(relatedSpdxElement));
    assert(ids.has(spdxElementId) || spdxElementId === "SPDXRef-DOCUMENT");
  }
});
