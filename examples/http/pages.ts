/** Results of the program that fetches many URLs. @module */

import type { FetchResult } from "../../http/client/fetch_all.ts";
import { shownUrl } from "./arguments.ts";

/** The result for one response. */
export interface Page {
  readonly status: number;
  readonly bytes: number;
}

/** Counts the bytes of a body without keeping them. */
export async function readPage(response: Response): Promise<Page> {
  let bytes = 0;
  for await (const chunk of response.body ?? []) bytes += chunk.length;
  return { status: response.status, bytes };
}

/** Returns a result for `--json`. */
export function rowOf(result: FetchResult<Page>): Record<string, unknown> {
  const { ok } = result;
  const url = shownUrl(result.url);
  return ok ? { url, ok, ...result.value } : { url, ok, ...failureOf(result.error) };
}

/** Returns a result as a line of text. */
export function sentenceOf(result: FetchResult<Page>): string {
  if (result.ok) {
    return `${result.value.status} ${result.value.bytes} bytes ${shownUrl(result.url)}`;
  }
  const { error, message } = failureOf(result.error);
  return `failed (${error}): ${message}`;
}

function failureOf(thrown: unknown): { error: unknown; message: string } {
  const { name, message, kind, status } = thrown as Error & { kind?: string; status?: number };
  return { error: kind ?? status ?? name, message };
}
