import type { HttpClient, HttpFetchOptions } from "./client.ts";
import { withHeaders } from "./_headers.ts";
import type { PartialDownload, PartialState } from "./_partial_file.ts";
import type { HttpResponse } from "./response.ts";
import { hasChanged, rangeOf } from "./_resume.ts";
import { writeFully } from "../../net/internal/local_files.ts";

/** The smallest part that is worth a request of its own, in bytes. */
const MIN_PART = 1024 * 1024;

/** The options of a request for a part of a file. */
export type PieceRequest = Omit<
  HttpFetchOptions,
  "maxBody" | "onDownload" | "raiseForStatus"
>;

/** A part of a file. `end` is exclusive. */
interface Part {
  readonly start: number;
  readonly end: number;
  written: number;
}

/** Thrown if the server does not send the part that was asked for. */
export class UnfitPart extends Error {}

/** A download of several parts at once. */
export interface ParallelWork {
  readonly partial: PartialDownload;
  readonly client: HttpClient;
  readonly url: string | URL;
  readonly request: PieceRequest;
  readonly state: PartialState;
  readonly total: number;
  readonly count: number;
  /** Ends all requests after a failure, also that of the first response. */
  readonly stop: AbortController;
  /** Reports the number of bytes of all parts together. */
  readonly tell: (transferred: number) => void;
}

/** Returns the number of parts for a file; 1 if it is not worth more. */
export function partsFor(total: number | undefined, headers: Headers, parallel: number): number {
  if (total === undefined || headers.get("accept-ranges")?.toLowerCase() !== "bytes") return 1;
  return Math.max(1, Math.min(parallel, Math.floor(total / MIN_PART)));
}

/**
 * Downloads a file in several parts at once. The first response brings the first part.
 *
 * @returns The number of bytes without a gap from the start, and the error that ended the work.
 */
export async function downloadParts(
  first: HttpResponse,
  work: ParallelWork,
): Promise<{ size: number; error: unknown }> {
  const parts = split(work.total, work.count);
  const { stop, request } = work;
  const all = stoppable(request.signal, stop);
  let error: unknown;
  await Promise.all(parts.map(async (part, index) => {
    try {
      const response = index === 0 ? first : await requestPart(part, work, all);
      await savePart(response, part, parts, work, all);
    } catch (thrown) {
      error ??= thrown;
      stop.abort(thrown);
    }
  }));
  let size = 0;
  for (const { start, end, written } of parts) {
    size += written;
    if (start + written < end) break;
  }
  return { size, error };
}

/** Returns a signal that ends with that of the caller, and when the work stops. */
export function stoppable(signal: AbortSignal | undefined, stop: AbortController): AbortSignal {
  return signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
}

function split(total: number, count: number): Part[] {
  const size = Math.ceil(total / count);
  return Array.from({ length: count }, (_, index) => ({
    start: index * size,
    end: Math.min(total, (index + 1) * size),
    written: 0,
  }));
}

async function requestPart(
  part: Part,
  { client, url, request, state }: ParallelWork,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const response = await client.get(url, {
    ...request,
    signal,
    headers: withHeaders(request.headers, {
      "accept-encoding": "identity",
      "range": `bytes=${part.start}-${part.end - 1}`,
      "if-range": state.validator,
    }),
    maxBody: Infinity,
    raiseForStatus: true,
  });
  const range = response.status === 206 ? rangeOf(response.headers) : undefined;
  const fits = range !== undefined && range.start === part.start && range.end <= part.end &&
    !hasChanged(state, response.headers, range.total);
  if (fits) return response;
  await response.body?.cancel();
  throw new UnfitPart(`the server does not send bytes ${part.start} to ${part.end - 1}`);
}

/** Writes the body of a response to its place, up to the end of its part. */
async function savePart(
  response: HttpResponse,
  part: Part,
  parts: readonly Part[],
  { partial, tell }: ParallelWork,
  signal: AbortSignal,
): Promise<void> {
  // Each part has a position of its own.
  using file = await Deno.open(partial.path, { write: true });
  await file.seek(part.start, Deno.SeekMode.Start);
  for await (const chunk of response.body ?? []) {
    signal.throwIfAborted();
    const rest = part.end - part.start - part.written;
    const bytes = chunk.subarray(0, rest);
    await writeFully(file, bytes);
    part.written += bytes.length;
    tell(parts.reduce((sum, { written }) => sum + written, 0));
    if (part.written === part.end - part.start) return;
  }
  throw new UnfitPart(`bytes ${part.start} to ${part.end - 1} are incomplete`);
}
