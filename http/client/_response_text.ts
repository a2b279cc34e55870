import { joinedBytes } from "../../net/internal/joined_bytes.ts";
import type { StreamDecoder } from "../../net/internal/stream_decoder.ts";
import { shownUrl } from "./_url.ts";
import { streamDecoder, type TextOrigin } from "./_decode_json.ts";

/** Returns the origin of a body for errors. The URL has no credentials and no query. */
export function originOf({ url, status }: Response): TextOrigin {
  const parsed = URL.parse(url);
  return { shownUrl: parsed === null ? "a response" : shownUrl(parsed), status };
}

/**
 * Reads the body of a response as text, in pieces as they arrive. A byte order mark wins over the charset
 * of `Content-Type`. Leaving the loop cancels the body.
 */
export async function* textOf(response: Response, charset?: string): AsyncGenerator<string> {
  if (response.body === null) return;
  let decoder: StreamDecoder | undefined;
  let start = new Uint8Array();
  for await (const chunk of response.body) {
    if (decoder !== undefined) {
      yield decoder.decode(chunk, { stream: true });
      continue;
    }
    const data = start.length === 0 ? chunk : joinedBytes([start, chunk]);
    if (mayBeMark(data)) start = data;
    else {
      decoder = decoderOf(response, data, charset);
      yield decoder.decode(data, { stream: true });
    }
  }
  if (decoder !== undefined) yield decoder.decode();
  else yield decoderOf(response, start, charset).decode(start);
}

function decoderOf(
  { headers }: Response,
  start: Uint8Array,
  charset: string | undefined,
): StreamDecoder {
  const type = charset === undefined
    ? headers.get("content-type")
    : `text/plain;charset=${charset}`;
  return streamDecoder(start, type);
}

/** Returns whether bytes could be the beginning of a byte order mark, so that more bytes must decide. */
function mayBeMark(data: Uint8Array): boolean {
  const [first, second] = data;
  if (data.length === 1) return first! >= 0xfe || first === 0xef;
  return data.length === 0 || (data.length === 2 && first === 0xef && second === 0xbb);
}
