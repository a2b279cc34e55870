/** Makes names and HTML from mail safe for folders and terminals. @module */

import { isDeviceName } from "../../net/internal/local_name.ts";

export { htmlToText as plainText } from "../../net/mail/message/html_to_text.ts";

/**
 * Makes a function that returns file names for attachments. They are unique and stay within a folder.
 *
 * @returns The function. It takes the name that the sender has chosen.
 */
export function plainNamer(): (given: string | null | undefined) => string {
  const taken = new Set<string>();
  return (given) => {
    const last = (given ?? "").replace(/^.*[/\\]/s, "").slice(-500);
    // No hidden files, flags or device names, and no characters that change how a name looks.
    const clean = last.replace(/[\p{Cc}\p{Cf}\p{Cs}<>:"|?*]/gu, "_")
      .replace(/^[.\s-]+|[.\s]+$/g, "");
    const name = (isDeviceName(clean) ? `_${clean}` : clean) || "attachment";
    const [, stem = "", ending = ""] = /^(.*?)(\.[^.]{1,10})?$/s.exec(name) ?? [];
    // File systems limit names in bytes.
    const bytes = new TextEncoder().encode(stem).subarray(0, 180);
    const short = new TextDecoder().decode(bytes).replace(/\uFFFD+$/, "");
    let own = short + ending;
    for (let n = taken.size + 1; taken.has(own.toLowerCase()); n++) own = `${short}-${n}${ending}`;
    taken.add(own.toLowerCase());
    return own;
  };
}
