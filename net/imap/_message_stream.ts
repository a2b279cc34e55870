/** Messages of IMAP as streams of any size. */

import { checkSection, sectionItem } from "./_sections.ts";
import type { OnLiteral } from "./_line.ts";
import type { ImapSession } from "./_session.ts";
import { NetError } from "../errors/errors.ts";
import { ignoreFailure } from "../internal/ignore_failure.ts";
import { imapSet } from "./codec.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Fetches a section and passes its stream to `open`. Resolves when the stream has been read. */
export async function streamSection(
  session: ImapSession,
  uid: number,
  section: string,
  open: (stream: ReadableStream<Bytes>) => void,
): Promise<void> {
  if (section !== "") checkSection(section);
  const names = [section];
  const { dialogue } = session;
  const { readable, writable } = new TransformStream<Bytes, Bytes>();
  const writer = writable.getWriter();
  let begun = false;
  let passed = false;
  const onLiteral: OnLiteral = async (_, chunks) => {
    if (begun) return;
    begun = passed = true;
    open(readable);
    try {
      for await (const chunk of chunks) await writer.write(chunk);
    } catch (error) {
      // The reader has cancelled. The rest is read to keep the session usable.
      if (!dialogue.conn.open) throw error;
      session.allow();
    }
  };
  let short = false;
  const parts = [`UID FETCH ${imapSet(uid)} (UID ${sectionItem(section)})`];
  try {
    await session.run(`Cannot fetch message ${uid}`, parts, {
      take(response) {
        const message = session.messageOf(response, names);
        // Some servers leave out the UID, and send the section only.
        const isOwn = message !== undefined &&
          (message.uid ?? (message.sections.has(section) ? uid : undefined)) === uid;
        if (message !== undefined && !isOwn && passed) {
          throw dialogue.broken("sent another message than the command asked for");
        }
        passed = false;
        if (!isOwn) return false;
        const whole = message.sections.get(section);
        // A short section may arrive as a quoted string.
        if (!begun && whole !== undefined && whole !== null) {
          short = true;
          open(new Blob([whole as Bytes]).stream());
        }
        return true;
      },
      onLiteral,
    });
  } catch (error) {
    // The reader gets the same error as the caller.
    await ignoreFailure(writer.abort(dialogue.causeOf(error)));
    throw error;
  }
  if (begun) await ignoreFailure(writer.close());
  else if (!short) throw noSuchPart(dialogue.peer, `message ${uid}`, "section of that name");
}

/** Returns the error for a message or a part that does not exist. */
export function noSuchPart(peer: string, message: string, part: string): NetError {
  return new NetError(`There is no ${message} on ${peer}, or no ${part}`, {
    kind: "protocol",
    phase: "request",
    address: peer,
  });
}
