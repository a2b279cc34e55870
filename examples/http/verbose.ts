/** Shows requests and responses as they are sent. @module */

import type { HttpHooks } from "../../http/client/client.ts";
import { escapeControls } from "../../net/text.ts";
import type { CliContext } from "../../tools/cli.ts";

/** Fields whose values are secrets, except for their first word. */
const SECRET = /^(?:(?:proxy-)?authorization|(?:set-)?cookie)$/;

/** Returns hooks that write the heads of requests and responses to standard error. */
export function verboseHooks({ io }: CliContext): HttpHooks {
  const tell = (mark: string, first: string, headers: Headers) => {
    const fields = [...headers].map(([name, value]) => `${name}: ${shown(name, value)}`);
    for (const line of [first, ...fields, ""]) io.stderr(`${mark} ${escapeControls(line)}\n`);
  };
  return {
    beforeRequest({ method, url, headers }) {
      const { origin, pathname, search } = new URL(url);
      tell(">", `${method} ${pathname}${search} (${origin})`, headers);
    },
    afterResponse: ({ status, headers }) => tell("<", `${status}`, headers),
  };
}

function shown(name: string, value: string): string {
  return SECRET.test(name) ? `${/^[^\s=]*/.exec(value)?.[0]} …` : value;
}
