// Files that are attached to the next message: by the button, by paste, by drop.

import { $, focusText, isolated, make, makeButton } from "./dom.js";
import { t } from "./language.js";
import { sizeText } from "./message.js";
import { emit, on } from "./signals.js";
import { current, limits, me } from "./state.js";

/** The number of files of one message. */
const MOST = 10;
/** The files of the shown conversation in order: `result` is the answer of the server. */
let attached = [];

/** Returns the uploaded files. */
export function attachedFiles() {
  return attached.flatMap(({ result }) => result ?? []);
}
/** Returns whether a file is on its way. */
export function isUploading() {
  return attached.some(({ result, fault }) => !result && !fault);
}
/** Removes the files from the text box, because they are sent. */
export function clearAttached() {
  for (const { result, abort } of attached) if (!result) abort.abort();
  attached = [];
  draw();
}

function draw() {
  $("attached").hidden = attached.length === 0;
  $("attached").replaceChildren(...attached.map((entry) => {
    const { file, result, fault } = entry;
    const state = fault ? t.uploadFailed(fault) : result ? sizeText(file.size) : t.uploading;
    const remove = () => {
      entry.abort.abort();
      attached = attached.filter((one) => one !== entry);
      draw();
      focusText();
    };
    const li = make("li", fault ? "fault" : "", isolated(file.name), " ", make("small", "", state));
    li.append(makeButton("×", remove, { className: "closer", label: t.removeFile(file.name) }));
    return li;
  }));
  emit("grown");
}

/** Uploads a file. Its message refers to it by its id. */
async function upload(entry) {
  const { file, abort } = entry;
  try {
    if (limits.maxFile > 0 && file.size > limits.maxFile) {
      throw new Error(t.fileTooLarge(sizeText(limits.maxFile)));
    }
    const response = await fetch("files", {
      method: "POST",
      headers: {
        authorization: `Bearer ${me.token}`,
        "x-file-name": encodeURIComponent(file.name),
        "content-type": "application/octet-stream",
      },
      body: file,
      signal: abort.signal,
    });
    if (!response.ok) throw new Error(await reasonOf(response));
    entry.result = await response.json();
  } catch (error) {
    if (!abort.signal.aborted) entry.fault = error.message;
  }
  draw();
}
async function reasonOf(response) {
  if (response.status === 404) return t.noFiles;
  const { detail, title } = await response.json().catch(() => ({}));
  return detail ?? title ?? String(response.status);
}

function add(files) {
  for (const file of [...files].slice(0, MOST - attached.length)) {
    const entry = { file, abort: new AbortController() };
    attached.push(entry);
    void upload(entry);
  }
  draw();
  focusText();
}

$("attach").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  add($("file").files);
  $("file").value = "";
});
$("text").addEventListener("paste", (event) => {
  const { files } = event.clipboardData;
  // A copied table or text brings a picture of itself, too; the text is wanted.
  if (files.length === 0 || event.clipboardData.types.includes("text/plain")) return;
  event.preventDefault();
  add(files);
});

const chat = $("chat");
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
chat.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  $("drop").hidden = false;
});
chat.addEventListener("dragleave", (event) => {
  if (!chat.contains(event.relatedTarget)) $("drop").hidden = true;
});
chat.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  $("drop").hidden = true;
  add(event.dataTransfer.files);
});
/** Files wait for the reader beside the draft of their conversation. */
on("current", (before) => {
  if (before) before.attached = attached;
  attached = current.attached;
  draw();
});
on("online", () => $("attach").hidden = limits.maxFile === 0);
