// The text box: drafts, sending, editing, replies.

import { $, fill, isolated, makeButton } from "./dom.js";
import { attachedFiles, clearAttached, isUploading } from "./attach.js";
import { t } from "./language.js";
import { command, isCommand, say } from "./lines.js";
import { follow } from "./log.js";
import { hasRoom } from "./outbox.js";
import { ask } from "./requests.js";
import { isOnline } from "./session.js";
import { emit, on } from "./signals.js";
import { current, limits } from "./state.js";
import { keysOf, load, save } from "./store.js";

const box = $("text");
const DRAFT = "draft.";
/** The number of kept drafts. */
const MOST_DRAFTS = 60;

/** The message that the text answers, or replaces. */
let reply, edited;

// ---- Drafts --------------------------------------------------------------------------------------
let due;
function keepDraft() {
  clearTimeout(due);
  due = undefined;
  if (!current || edited) return;
  const key = DRAFT + current.key;
  if (load(key) === null && keysOf(DRAFT).length >= MOST_DRAFTS) {
    save(DRAFT + keysOf(DRAFT)[0], null);
  }
  save(key, box.value || null);
}
addEventListener("pagehide", keepDraft);
on("quit", () => {
  edited = undefined;
  write("");
  for (const key of keysOf(DRAFT)) save(DRAFT + key, null);
});

on("current", (before) => {
  if (before && !edited) save(DRAFT + before.key, box.value || null);
  reply = edited = undefined;
  write(load(DRAFT + current.key) ?? "");
  showContext();
  showHint();
});

function write(text) {
  box.value = text;
  grow();
  complain("");
}

// ---- Size ----------------------------------------------------------------------------------------
function grow() {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
  // The measurement has shrunk the box for a moment, which moved the list.
  emit("grown");
}

function showHint() {
  box.placeholder = current?.direct ? t.typeTo(current.name) : t.typeHere;
}
on("language", showHint);

/** Shows what is wrong with the text. The text stays where it is. */
function complain(text) {
  $("complaint").textContent = text;
  $("complaint").hidden = text === "";
  box.ariaInvalid = text ? "true" : null;
}
on("complain", complain);

const encoder = new TextEncoder();
/** Returns what is wrong with a text; an empty string if it can be sent. */
function problemOf(text) {
  const size = encoder.encode(text).length;
  if (limits.maxLine > 0 && size > limits.maxLine) return t.tooLong(size, limits.maxLine);
  if (text.split("\n").length > limits.maxLines) return t.tooManyLines(limits.maxLines);
  if (isUploading()) return t.uploadFirst;
  return hasRoom(text.length) ? "" : t.tooManyUnsent;
}

// ---- Sending -------------------------------------------------------------------------------------
function submit() {
  const text = box.value.replace(/\r\n?/g, "\n").replace(/^(?:[^\S\n]*\n)+|\s+$/g, "");
  const files = attachedFiles();
  if (!current || (text === "" && files.length === 0 && !isUploading())) return;
  const problem = problemOf(text);
  if (problem) return complain(problem);
  if (edited) return saveEdit(text);
  if (isCommand(text)) {
    if (!isOnline()) return complain(t.offline);
    command(text);
  } else {
    say(current, text, { reply: reply && quoteOf(reply), files });
    clearAttached();
  }
  done();
  follow();
}
function quoteOf({ seq, from, text }) {
  return { seq, from, text };
}
function done() {
  reply = edited = undefined;
  write("");
  keepDraft();
  showContext();
}

async function saveEdit(text) {
  const { item, before } = edited;
  try {
    if (text !== item.text) await ask({ type: "edit", target: item.seq, text });
    done();
    write(before);
  } catch (error) {
    complain(error.message);
  }
}

on("command", (text) => {
  if (isOnline()) command(text);
  else emit("fault", { word: "offline" });
});
on("takeBack", ({ text }) => {
  write(box.value ? `${text}\n${box.value}` : text);
  keepDraft();
  box.focus();
});

// ---- Reply and edit ------------------------------------------------------------------------------
/** Answers a message with a quote. */
export function startReply(item) {
  if (edited) cancel();
  reply = item;
  showContext();
  box.focus();
}
/** Puts an own message into the text box. */
export function startEdit(item) {
  cancel();
  edited = { item, before: box.value };
  keepDraft();
  write(item.text);
  showContext();
  box.focus();
}
/** Ends a reply or an edit. Returns whether there was one. */
export function cancel() {
  if (!reply && !edited) return false;
  if (edited) write(edited.before);
  reply = edited = undefined;
  showContext();
  return true;
}
function showContext() {
  const context = $("context");
  context.hidden = !reply && !edited;
  if (context.hidden) return;
  const text = reply ? fill(t.replyTo, { name: [isolated(reply.from)] }) : [t.editing];
  if (reply) text.push(": ", isolated(reply.text.replaceAll("\n", " ").slice(0, 120)));
  context.replaceChildren(
    ...text,
    makeButton("×", () => {
      cancel();
      box.focus();
    }, { className: "closer", label: t.cancel }),
  );
}
function lastOwn() {
  return current?.items.findLast((item) =>
    item.own && item.kind === "message" && item.seq !== undefined && !item.deleted && !item.action
  );
}

// ---- The keyboard --------------------------------------------------------------------------------
/** Inserts a text where the cursor is. */
export function insert(text) {
  const { selectionStart, selectionEnd } = box;
  box.setRangeText(text, selectionStart, selectionEnd, "end");
  grow();
  box.focus();
  keepDraft();
}
on("mention", (name) => {
  const before = box.value.slice(0, box.selectionStart);
  insert(`${before === "" || /\s$/.test(before) ? "" : " "}@${name} `);
});

box.addEventListener("input", () => {
  grow();
  complain("");
  due ??= setTimeout(keepDraft, 100);
});
box.addEventListener("keydown", (event) => {
  if (event.defaultPrevented) return;
  // Enter during the composition of an input method chooses a word and does not send.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    submit();
  } else if (event.key === "ArrowUp" && box.value === "" && !event.ctrlKey && !event.altKey) {
    const item = lastOwn();
    if (!item) return;
    event.preventDefault();
    startEdit(item);
  } else if (event.key === "Escape" && cancel()) {
    event.preventDefault();
  }
});
$("write").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
  box.focus();
});
