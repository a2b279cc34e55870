/** An IMAP server in memory that plays a script, for tests of single commands. @module */

import { memoryPair } from "../../net/connection/memory_pair.ts";
import { connectImap, type ConnectImapOptions, type ImapClient } from "../../net/imap/client.ts";

/**
 * Answers to commands by their beginnings, without the tag. `$` in an answer is the tag. A list has one
 * answer for each time. Other commands succeed.
 */
export type ImapScript = Readonly<Record<string, string | readonly string[]>>;

/** A client and its server. */
export interface ScriptedImap extends AsyncDisposable {
  readonly mail: ImapClient;
  /** The commands that came, without their tags. */
  readonly sent: string[];
}

/** Connects a client to a script. The server has the given capabilities besides IMAP4rev1. */
export async function scriptedImap(
  capabilities: string,
  script: ImapScript = {},
  options: ConnectImapOptions = {},
): Promise<ScriptedImap> {
  const [near, far] = memoryPair();
  const sent: string[] = [];
  const counts = new Map<string, number>();
  const answerTo = (text: string): string => {
    const key = Object.keys(script).find((begin) => text.startsWith(begin));
    if (key === undefined) return "$ OK done\r\n";
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    const list = [script[key]!].flat();
    return list[Math.min(count, list.length - 1)]!;
  };
  const serve = async () => {
    await far.write(`* OK [CAPABILITY ${`IMAP4rev1 ${capabilities}`.trim()}] hi\r\n`);
    for (let line; (line = await far.readLine()) !== null;) {
      const [tag = "", ...words] = line.split(" ");
      const text = words.join(" ");
      sent.push(text);
      await far.write(answerTo(text).replaceAll("$", tag));
    }
  };
  // The client may end the session by force.
  const served = serve().catch(() => {}).then(() => far.close());
  const connect = { connection: near, tls: "none", timeout: 2000, ...options } as const;
  const mail = await connectImap({ allowPlaintextLogin: true, ...connect });
  return {
    mail,
    sent,
    async [Symbol.asyncDispose]() {
      await mail.close();
      await served;
    },
  };
}
