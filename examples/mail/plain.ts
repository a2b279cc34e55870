/** What senders write, made fit for a folder and a terminal. @module */

/**
 * Names for attachments, without any way out of a folder, and each of its own.
 *
 * @param given What the sender calls them.
 * @returns As many names.
 */
export function plainNames(given: readonly (string | null | undefined)[]): string[] {
  const names: string[] = [];
  const taken = new Set<string>();
  for (const filename of given) {
    const last = (filename ?? "").replace(/^.*[/\\]/s, "").slice(-500);
    // Nothing hidden, no flag, no name of a device, nothing that shows as something else.
    const name = last.replace(/[\p{Cc}\p{Cf}\p{Cs}<>:"|?*]/gu, "_").replace(/^[.\s-]+|[.\s]+$/g, "")
      .replace(/^(?=(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))/i, "_") || "attachment";
    const [, stem = "", ending = ""] = /^(.*?)(\.[^.]{1,10})?$/s.exec(name) ?? [];
    // File systems count bytes.
    const bytes = new TextEncoder().encode(stem).subarray(0, 180);
    const short = new TextDecoder().decode(bytes).replace(/\uFFFD+$/, "");
    let own = short + ending;
    for (let n = names.length + 1; taken.has(own.toLowerCase()); n++) {
      own = `${short}-${n}${ending}`;
    }
    taken.add(own.toLowerCase());
    names.push(own);
  }
  return names;
}

const ENTITIES: ReadonlyMap<string, string> = new Map(
  Object.entries({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " }),
);

/**
 * What can be read of HTML where there is no text.
 *
 * @param html The HTML.
 * @returns Its words.
 */
export function plainText(html: string): string {
  return html.replace(/<(style|script|title)\b.*?(?:<\/\1\s*>|$)/gis, " ").replace(/<[^<>]*>/g, " ")
    .replace(
      /&(?:#(\d{1,6})|(\w{2,6}));/g,
      (whole, code?: string, name?: string) =>
        code === undefined ? ENTITIES.get(name!) ?? whole : String.fromCodePoint(Number(code)),
    );
}
