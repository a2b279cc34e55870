/** Reads the authorities that a program trusts. */

import { type Certificate, certificatesIn, parseAnchor } from "./certificate.ts";
import { asDefect } from "./defect.ts";
import { RecentTexts } from "./recent_texts.ts";

/** The authorities in a PEM text. */
interface Authorities {
  readonly anchors: readonly Certificate[];
  /** Whether all certificates of the text could be read. */
  readonly isComplete: boolean;
}

const known = new RecentTexts(read);

/** Reads the authorities in PEM texts. Unreadable ones are left out. */
export function anchorsIn(pems: readonly string[]): Certificate[] {
  return pems.flatMap((pem) => known.get(pem).anchors);
}

/** Returns whether all certificates in PEM texts can be read. */
export function areReadable(pems: readonly string[]): boolean {
  return pems.every((pem) => known.get(pem).isComplete);
}

function read(pem: string): Authorities {
  const anchors = certificatesIn(pem).flatMap((der) => {
    try {
      return [parseAnchor(der)];
    } catch (error) {
      asDefect(error);
      return [];
    }
  });
  // The old names of PEM count, too, because the engines know them.
  const count = pem.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g)?.length ?? 0;
  return { anchors, isComplete: count === anchors.length };
}
