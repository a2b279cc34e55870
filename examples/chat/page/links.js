// Web addresses in a text. Pure.

/** An address begins like this. `www.` must not continue a word. */
const START = /https?:\/\/|mailto:|(?<![\p{L}\p{N}.@/_-])www\./giu;
/** These characters end an address: white space, quotation marks, punctuation of Chinese. */
const END = /[\s<>"`“”„«»「」『』《》〈〉【】（），。；：！？、…\p{Cc}]/u;
/** These end a sentence rather than an address. */
const PUNCTUATION = /[.,;:!?'’*_~]/;
const PAIRS = { ")": "(", "]": "[", "}": "{" };

/** Many links would slow the page down. */
const MOST = 40;

/** Removes from the end what belongs to the sentence. Brackets that are balanced belong to the address. */
function trim(address) {
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1];
    if (PUNCTUATION.test(last)) continue;
    const opening = PAIRS[last];
    if (opening === undefined) break;
    const inside = address.slice(0, end);
    if (inside.split(opening).length >= inside.split(last).length) break;
  }
  return address.slice(0, end);
}

/** Returns the address that a link opens; undefined if the text is no address. */
function hrefOf(text) {
  if (/^www\./i.test(text)) {
    return /^www\.[^/]+\.\p{L}{2,}/iu.test(text) ? `https://${text}` : undefined;
  }
  if (/^mailto:/i.test(text)) return /^mailto:[^@]+@[^@]+$/i.test(text) ? text : undefined;
  return URL.canParse(text) ? text : undefined;
}

/**
 * Returns the addresses in a text in order: where they stand, and what a link to them opens. Returns none
 * if there are very many.
 */
export function findLinks(text) {
  const found = [];
  START.lastIndex = 0;
  for (let start; (start = START.exec(text)) !== null;) {
    const rest = text.slice(start.index, start.index + 2048);
    const end = rest.search(END);
    const address = trim(end === -1 ? rest : rest.slice(0, end));
    if (address.length <= start[0].length) continue;
    const href = hrefOf(address);
    if (href === undefined) continue;
    if (found.length === MOST) return [];
    found.push({ from: start.index, to: start.index + address.length, href });
    START.lastIndex = start.index + address.length;
  }
  return found;
}
