/** A certificate for the servers of a benchmark. @module */

import { developmentCertificate } from "../../net/tls/certificate.ts";

/** The files of a certificate for 127.0.0.1. */
export interface CertificateFiles {
  readonly folder: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Runs work with a certificate in a temporary folder. */
export async function withCertificate<T>(
  work: (files: CertificateFiles) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "portside-bench-" });
  try {
    const made = await developmentCertificate({ names: ["127.0.0.1"] });
    const files = {
      folder,
      ca: `${folder}/ca.pem`,
      cert: `${folder}/cert.pem`,
      key: `${folder}/key.pem`,
    };
    for (const name of ["ca", "cert", "key"] as const) {
      await Deno.writeTextFile(files[name], made[name]);
    }
    return await work(files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
