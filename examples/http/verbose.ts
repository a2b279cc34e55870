/** Shows requests and responses as they are sent. @module */

import type { HttpHooks } from "../../http/client/client.ts";
import type { HttpResponse } from "../../http/client/response.ts";
import { escapeControls } from "../../net/text.ts";
import type { CliContext } from "../../tools/cli.ts";

/** Fields whose values are secrets, except for the scheme or the name in front. */
const LABELLED = /^(?:(?:proxy-)?authorization|(?:set-)?cookie)$/;
/** Fields that customarily hold a key. */
const SECRET = /^(?:.*[-_])?(?:api-?key|access-?key|auth|token|secret|password)$/;

/** Returns hooks that write the heads of requests and responses to standard error. */
export function verboseHooks({ io }: CliContext): HttpHooks {
  const tell = (mark: string, first: string, headers: Headers) => {
    for (const line of [first, ...fieldsOf(headers), ""]) {
      io.stderr(`${mark} ${escapeControls(line)}\n`);
    }
  };
  return {
    beforeRequest({ method, url, headers }) {
      const { origin, pathname, search } = new URL(url);
      tell(">", `${method} ${pathname}${search} (${origin})`, headers);
    },
    informational: ({ status, headers }) => tell("<", `${status}`, headers),
    afterResponse: ({ status, headers }) => tell("<", `${status}`, headers),
  };
}

/** Writes the fields behind the body of a response to standard error. */
export function showTrailers({ trailers }: HttpResponse, { io }: CliContext): void {
  for (const line of fieldsOf(trailers ?? new Headers())) io.stderr(`< ${escapeControls(line)}\n`);
}

function fieldsOf(headers: Headers): string[] {
  return [...headers].map(([name, value]) => `${name}: ${shown(name, value)}`);
}

function shown(name: string, value: string): string {
  if (SECRET.test(name)) return "…";
  return LABELLED.test(name)
    ? `${/^[^\s=]+(?=[\s=])/.exec(value)?.[0] ?? ""} …`.trimStart()
    : value;
}
