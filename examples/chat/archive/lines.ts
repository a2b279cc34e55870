/**
 * Reads lines of text from a stream.
 *
 * **Permissions**: none.
 *
 * @module
 */

import { StreamDecoder } from "../../../net/internal/stream_decoder.ts";
import { badLine } from "./transfer_format.ts";

/**
 * Yields the lines of a stream of UTF-8, without their ends.
 *
 * @param source The stream, which is closed at the end.
 * @param maxLength The maximum length of a line in UTF-16 units.
 * @throws {ArchiveError} With the kind `bad-line`, if a line is too long, or is not UTF-8.
 */
export async function* readLines(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxLength: number,
): AsyncGenerator<string> {
  let rest = "";
  let number = 0;
  const decoder = new StreamDecoder("utf-8", { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (error) {
      throw badLine(number + 1, "this line, or one soon after it, is not UTF-8", error);
    }
  };
  for await (const bytes of source) {
    const lines = (rest + decode(bytes)).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      number++;
      yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
    if (rest.length > maxLength) throw badLine(number + 1, "it is too long");
  }
  rest += decode();
  if (rest !== "") yield rest;
}
