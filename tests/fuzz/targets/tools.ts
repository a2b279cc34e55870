/** The parsers of `tools` that `tests/cost/` does not name. @module */

import { createHash } from "node:crypto";
import { describeCertificate, readCertificate } from "../../../tools/internal/certificate.ts";
import { identifyGreeting } from "../../../tools/internal/greeting.ts";
import { decodeOutput } from "../../../tools/internal/program_output.ts";
import { bytesOf } from "../../_support/cost.ts";
import { CERTIFICATES } from "../corpus/certificates.ts";
import type { FuzzTarget } from "../target.ts";

const BYTES = { alphabet: "bytes", limit: 16 * 1024 } as const;
/** Control characters: a stranger may not write them on a terminal. */
// deno-lint-ignore no-control-regex -- these are meant
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/;

/** All of them. */
export const TOOLS_TARGETS: readonly FuzzTarget[] = [
  {
    ...BYTES,
    name: "readCertificate() and describeCertificate()",
    seeds: CERTIFICATES,
    words: ["\x30\x80", "\x0c\x03a\x1bb", "\x1e\x04\0a\0\x1b", "\x06\x03\x55\x04\x03", "\x17\x0d"],
    read: ([input]) => {
      const bytes = bytesOf(input!);
      const described = describeCertificate(readCertificate(bytes), 0);
      const { subject, issuer, names, fingerprint } = described;
      const bad = [subject, issuer, ...names].find((text) => CONTROLS.test(text));
      if (bad !== undefined) throw new Error(`A control character: ${JSON.stringify(bad)}`);
      const hash = createHash("sha256").update(bytes).digest("hex");
      if (fingerprint.replaceAll(":", "").toLowerCase() !== hash) throw new Error(fingerprint);
      return described;
    },
  },
  {
    ...BYTES,
    name: "identifyGreeting()",
    seeds: [
      "SSH-2.0-OpenSSH_9.2\r\n",
      "220 mail ESMTP\r\n",
      "+OK hi\r\n",
      "* OK IMAP\r\n",
      "HTTP/1.1 400 Bad\r\n",
      "\x4a\0\0\0\x0a8.0.36\0",
      "\0\0\x12\x04\0\0\0\0\0",
      "\x15\x03\x01\0\x02\x02\x0a",
      "E\0\0\0\x50SFATAL\0",
    ],
    read: ([input]) => identifyGreeting(bytesOf(input!)),
  },
  {
    ...BYTES,
    name: "decodeOutput()",
    seeds: ["a\r\nb\r\n", "\xff\xfea\0\r\0\n\0", "\xef\xbb\xbfx", "\x81\x82"],
    read: ([input]) => decodeOutput(bytesOf(input!)),
  },
];
