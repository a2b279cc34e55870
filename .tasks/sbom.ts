/**
 * Prints the bill of materials of a release: every package of the binaries with its version, licence and
 * hash, in the format SPDX 2.3.
 *
 * ```sh
 * deno task sbom > dist/sbom.spdx.json
 * ```
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { type Package, readPackages } from "./packages.ts";

/** The document as far as this project uses the format. */
export interface Sbom {
  readonly spdxVersion: "SPDX-2.3";
  readonly dataLicense: "CC0-1.0";
  readonly SPDXID: "SPDXRef-DOCUMENT";
  readonly name: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages: readonly SbomPackage[];
  readonly relationships: readonly {
    readonly spdxElementId: string;
    readonly relationshipType: "DESCRIBES" | "DEPENDS_ON";
    readonly relatedSpdxElement: string;
  }[];
}

/** A package of a bill of materials. */
export interface SbomPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo: string;
  readonly downloadLocation: string;
  readonly filesAnalyzed: false;
  readonly licenseConcluded: string;
  readonly licenseDeclared: string;
  readonly copyrightText: "NOASSERTION";
  readonly checksums?: readonly { readonly algorithm: "SHA512"; readonly checksumValue: string }[];
  readonly externalRefs: readonly {
    readonly referenceCategory: "PACKAGE-MANAGER";
    readonly referenceType: "purl";
    readonly referenceLocator: string;
  }[];
}

/** Returns the bill of materials of the published packages. */
export function sbomOf(packages: readonly Package[], created: Date): Sbom {
  const { name, version, license } = config;
  const own = entry({ name, version, licence: license, type: "generic", from: "NOASSERTION" });
  const others = packages.filter(({ forTests }) => !forTests).map((one) => ({
    ...entry({
      ...one,
      type: "npm",
      from: `https://registry.npmjs.org/${one.name}/-/${
        one.name.replace(/^.*\//, "")
      }-${one.version}.tgz`,
    }),
    checksums: [{ algorithm: "SHA512" as const, checksumValue: hexOf(one.sha512) }],
  }));
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${name} ${version}`,
    documentNamespace: `https://jsr.io/${name}/${version}/sbom/${created.getTime()}`,
    creationInfo: {
      created: created.toISOString().replace(/\.\d+/, ""),
      creators: ["Tool: sbom.ts"],
    },
    packages: [own, ...others],
    relationships: [
      {
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: own.SPDXID,
      },
      ...others.map(({ SPDXID }) => ({
        spdxElementId: own.SPDXID,
        relationshipType: "DEPENDS_ON" as const,
        relatedSpdxElement: SPDXID,
      })),
    ],
  };
}

function entry(
  { name, version, licence, type, from }:
    & Pick<Package, "name" | "version" | "licence">
    & { readonly type: "npm" | "generic"; readonly from: string },
): SbomPackage {
  return {
    SPDXID: `SPDXRef-${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]/g, "-"),
    name,
    versionInfo: version,
    downloadLocation: from,
    filesAnalyzed: false,
    licenseConcluded: licence,
    licenseDeclared: licence,
    copyrightText: "NOASSERTION",
    externalRefs: [{
      referenceCategory: "PACKAGE-MANAGER",
      referenceType: "purl",
      referenceLocator: `pkg:${type}/${name.replace("@", "%40")}@${version}`,
    }],
  };
}

function hexOf(base64: string): string {
  return Uint8Array.fromBase64(base64).toHex();
}

if (import.meta.main) {
  console.log(JSON.stringify(sbomOf(await readPackages(), new Date()), null, 2));
}
