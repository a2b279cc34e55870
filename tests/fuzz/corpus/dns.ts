/** DNS messages as seeds, one byte a character. @module */

import { encodeDnsMessage } from "../../../net/dns/codec.ts";
import { RECORDS } from "../../net/dns/records.ts";
import { textOf } from "../../_support/http1.ts";

const QUESTION = { name: "host.test", type: "A" } as const;

/** A question, answers with a record of each type, and a refusal with an extension. */
export const DNS_MESSAGES: readonly string[] = [
  encodeDnsMessage({ id: 1, recursionDesired: true, questions: [QUESTION] }),
  ...RECORDS.map(([record]) =>
    encodeDnsMessage({ id: 2, response: true, questions: [QUESTION], answers: [record] })
  ),
  encodeDnsMessage({
    id: 3,
    response: true,
    code: "BADCOOKIE",
    questions: [QUESTION],
    extension: {
      udpSize: 1232,
      dnssec: true,
      errors: [{ code: 6, text: "bogus" }],
      cookie: { client: new Uint8Array(8), server: new Uint8Array(16) },
    },
  }),
].map(textOf);
