// The elements of notices and of lists of names.

import { fill, isolated, make } from "./dom.js";
import { fullText, t, timeText } from "./language.js";

/** Makes the element of a time. */
export function clock(at) {
  const time = make("time", "", timeText(at));
  time.dateTime = new Date(at).toISOString();
  time.title = fullText(at);
  return time;
}

/** Returns the nodes of a list such as "Ann, Bob and 3 others". */
export function nameList(names) {
  const nodes = names.map((name) => isolated(name));
  if (names.length > 3) return [nodes[0], t.list, nodes[1], " ", t.others(names.length - 2)];
  return nodes.flatMap((node, i) => {
    if (i === 0) return [node];
    return [i === nodes.length - 1 ? t.andLast : t.list, node];
  });
}

const SENTENCES = { j: "joined", l: "left", jl: "cameAndWent", lj: "cameBack" };

/** Returns the nodes of joins and leaves that are folded into one notice. */
function presence({ names }) {
  const groups = Object.entries(SENTENCES).flatMap(([steps, word]) => {
    const some = [...names].filter(([, taken]) => taken === steps).map(([name]) => name);
    return some.length > 0 ? [fill(t[word], { names: nameList(some) })] : [];
  });
  return groups.flatMap((nodes, i) => i === 0 ? nodes : [" · ", ...nodes]);
}

function sentence(item) {
  if (item.kind === "presence") return presence(item);
  if (item.code === "renamed") {
    const { from, to } = item.params;
    return fill(t.renamed, { from: [isolated(from)], to: [isolated(to)] });
  }
  return [isolated(item.word ? t[item.word] : item.text)];
}

/** Makes the element of a notice, an answer or a fault. */
export function renderNotice(item) {
  const table = item.kind === "reply" && item.text.includes("\n");
  const kind = item.kind === "presence" ? "notice" : item.kind;
  const p = make("p", `note ${kind}${table ? " table" : ""}`, ...sentence(item));
  if (item.at && kind === "notice") p.append(" ", clock(item.at));
  // Comings and goings of a crowd would keep a screen reader busy.
  if (item.kind === "presence") {
    p.setAttribute("aria-live", "off");
    if (item.names.size > 3) p.title = [...item.names.keys()].slice(0, 100).join(t.list);
  }
  return p;
}
