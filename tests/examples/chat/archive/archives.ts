/**
 * What the tests of archives share: fixtures, and short questions to an archive.
 *
 * @module
 */

import type {
  Appended,
  Archive,
  ImportingArchive,
  MessageEntry,
  StoredEvent,
  StoredMessage,
} from "../../../../examples/chat/archive/archive.ts";
import { change, file, message, user } from "./entries.ts";

/** An archive for one test. */
export interface ArchiveFixture extends AsyncDisposable {
  /** The archive, which is empty at first. */
  readonly archive: Archive;
  /** Closes the archive and opens it again; undefined if its content ends with it. */
  reopen?(): Promise<Archive>;
}

/** Makes an empty archive. */
export type OpenArchive = () => Promise<ArchiveFixture>;

/** Registers a test with an empty archive. */
export type ArchiveTest = (name: string, body: (fixture: ArchiveFixture) => Promise<void>) => void;

/** An archive that can be filled from an export, for one test. */
export interface ImportingFixture extends ArchiveFixture {
  readonly archive: ImportingArchive;
}

/** Makes an empty archive that can be filled from an export. */
export type OpenImporting = () => Promise<ImportingFixture>;

/** Registers a test with such an archive. */
export type ImportingTest = (
  name: string,
  body: (fixture: ImportingFixture) => Promise<void>,
) => void;

/** Returns a message as an archive returns it. */
export function stored(
  { reply: _reply, files: _files, roomName = "", ...rest }: MessageEntry,
): StoredMessage {
  return { ...rest, roomName };
}

/** Returns the outcome of each entry, or the reason for a refusal. */
export function outcomes(results: readonly Appended[]): string[] {
  return results.map((result) => "reason" in result ? result.reason : result.outcome);
}

/** Returns the numbers of events. */
export function seqs(events: readonly StoredEvent[]): number[] {
  return events.map(({ seq }) => seq);
}

/** Returns all messages of a room. */
export async function history(
  archive: Archive,
  room = "#lobby",
): Promise<readonly StoredMessage[]> {
  return (await archive.history(room, { limit: 1000 })).messages;
}

/** Returns the lines of an export. */
export async function lines(archive: Archive): Promise<string[]> {
  return await Array.fromAsync(archive.export());
}

/** Yields lines as a stream. */
export async function* streamed(given: readonly string[]): AsyncGenerator<string> {
  for (const line of given) yield await Promise.resolve(line);
}

/** Returns the numbers of the messages in #lobby and #team that a search finds. */
export async function found(archive: Archive, words: string[], more = {}): Promise<number[]> {
  const query = { words, from: [], rooms: ["#lobby", "#team"], ...more };
  const { hits } = await archive.search(query, { limit: 100 });
  return hits.map(({ message: { seq } }) => seq);
}

/** Stores some of everything: numbers 1 to 8, two users, a file. */
export async function fill(archive: Archive): Promise<void> {
  await archive.saveUsers([
    user({ tokenHash: "aa" }),
    user({ name: "Bob", tokenHash: "bb", session: "gone" }),
  ]);
  await archive.saveFile(file("f1"));
  await archive.append([
    message(1, { text: "hello", line: "a:1", action: true }),
    message(2, { text: "two\nlines", files: ["f1"], reply: 1 }),
    message(3, { room: "@1:2", roomName: "", text: "psst" }),
    message(4, { text: "to be deleted" }),
    { kind: "edit", ...change(5, 2), text: "two\nnew lines" },
    { kind: "delete", ...change(6, 4) },
    { kind: "reaction", ...change(7, 2), line: "a:7", emoji: "👍", on: true },
    { kind: "reaction", ...change(8, 2), user: 2, name: "Bob", emoji: "👍", on: true },
  ]);
}
