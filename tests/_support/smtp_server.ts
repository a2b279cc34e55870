/** A server of SMTP that takes everything, unless it is told otherwise. @module */

import type { ConnectSmtpOptions, SmtpEnvelope } from "../../net/smtp/client.ts";
import { type Answer, type LineServer, lineServer } from "./line_server.ts";

/** How a client talks to it. */
export const PLAIN: ConnectSmtpOptions = { tls: "none", allowPlaintextLogin: true, timeout: 2000 };
/** Who logs in. */
export const ANN = { username: "ann", password: "secret" };
/** From whom to whom. */
export const ENVELOPE: SmtpEnvelope = { from: "ann@a.test", to: ["bob@b.test"] };

/** Starts one; `mail` holds the texts as they came over the line. */
export function post(
  overrides: Record<string, Answer> = {},
  extensions = ["PIPELINING", "SIZE 1000000", "8BITMIME"],
): LineServer & { readonly mail: string[] } {
  const mail: string[] = [];
  const answers: Record<string, Answer> = {
    EHLO: () =>
      `250-post.test\r\n${
        extensions.map((one, i) => `250${i === extensions.length - 1 ? " " : "-"}${one}\r\n`).join(
          "",
        )
      }`,
    MAIL: () => "250 2.1.0 ok\r\n",
    RCPT: (line) =>
      line.includes("nobody")
        ? "550 5.1.1 no such user\r\n"
        : line.includes("later")
        ? "450 4.2.1 busy\r\n"
        : "250 2.1.5 ok\r\n",
    DATA: async (_, conn) => {
      await conn.write("354 go on\r\n");
      let text = "";
      for (let line; (line = await conn.readLine()) !== null && line !== ".";) text += `${line}\n`;
      mail.push(text);
      return "250 2.0.0 queued as 42\r\n";
    },
    RSET: () => "250 ok\r\n",
    NOOP: () => "250 ok\r\n",
    QUIT: () => "221 bye\r\n",
    ...overrides,
  };
  const server = lineServer("220 post.test ESMTP\r\n", (line, conn) => {
    const answer = answers[line.split(/[ :]/)[0]!];
    return answer === undefined ? "502 what\r\n" : answer(line, conn);
  });
  return Object.assign(server, { mail });
}
