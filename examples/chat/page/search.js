// The search: in the archive of the server; in the page if the server does not answer.

import { $, isolated, make, makeButton } from "./dom.js";
import { fullText, t } from "./language.js";
import { findHere, jumpTo, placeOfHit } from "./older.js";
import { ask, Refusal } from "./requests.js";
import { on } from "./signals.js";

const dialog = $("finder"), input = $("query"), list = $("hits");
let last = [], turn = 0;

/** Opens the search. Returns false if it is open. */
export function openSearch() {
  if (dialog.open) return false;
  dialog.showModal();
  input.select();
  return true;
}

async function search(query, before) {
  const mine = ++turn;
  $("found").textContent = t.searching;
  let answer, refusal, note = "";
  try {
    answer = await ask({ type: "search", query, ...before && { before } });
  } catch (error) {
    if (error instanceof Refusal) {
      refusal = error.message;
      answer = { hits: [], more: false };
    } else {
      note = ` ${t.localHits}`;
      answer = { hits: findHere(query), more: false };
    }
  }
  if (mine !== turn) return; // A newer search has begun.
  last = before ? [...last, ...answer.hits] : answer.hits;
  $("found").textContent = refusal ?? (last.length ? t.hits(last.length) : t.noHits) + note;
  draw(query, answer.more);
}

function marked(text, marks) {
  const nodes = [];
  const first = Math.max(0, (marks[0]?.[0] ?? 0) - 60);
  let at = first;
  for (const [from, to] of marks) {
    if (from < at) continue;
    nodes.push(text.slice(at, from), make("mark", "", text.slice(from, to)));
    at = to;
  }
  return [first > 0 ? "…" : "", ...nodes, text.slice(at, at + 200)];
}

function draw(query, more) {
  list.replaceChildren(...last.map((hit) => {
    const place = placeOfHit(hit);
    const button = makeButton("", () => {
      dialog.close();
      void jumpTo(hit.seq, place);
    });
    const head = make(
      "span",
      "head",
      isolated(hit.from, "who"),
      " ",
      isolated(t.inRoom(place.title)),
    );
    head.append(" ", make("small", "", fullText(hit.at)));
    const text = make("bdi", "", ...marked(hit.text, hit.marks ?? []));
    button.append(head, text);
    return make("li", "", button);
  }));
  if (!more) return;
  const next = makeButton(t.moreHits, () => search(query, last.at(-1).seq));
  list.append(make("li", "", next));
}

$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const query = input.value.trim();
  if (query) void search(query);
});
input.addEventListener("keydown", (event) => {
  // The browser would only empty the field.
  if (event.key === "Escape") dialog.close();
  else if (event.key !== "ArrowDown") return;
  event.preventDefault();
  if (dialog.open) list.querySelector("button")?.focus();
});
list.addEventListener("keydown", (event) => {
  const buttons = [input, ...list.querySelectorAll("button")];
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  buttons[buttons.indexOf(document.activeElement) + by]?.focus();
});
$("search").addEventListener("click", openSearch);
on("language", () => input.placeholder = t.searchHint);
