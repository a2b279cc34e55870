/**
 * The files of the page. They are imported, so that they are part of a compiled program.
 *
 * **Permissions**: none.
 *
 * @module
 */

import markdownIt from "markdown-it/browser" with { type: "text" };
import chatStyle from "./page/chat.css" with { type: "text" };
import icons from "./page/icons.json" with { type: "json" };
import icon from "./page/icon.svg" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import manifest from "./page/manifest.webmanifest" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import worker from "./page/sw.js" with { type: "text" };
import actionsJs from "./page/actions.js" with { type: "text" };
import attachJs from "./page/attach.js" with { type: "text" };
import completeJs from "./page/complete.js" with { type: "text" };
import composerJs from "./page/composer.js" with { type: "text" };
import connectionJs from "./page/connection.js" with { type: "text" };
import crowdJs from "./page/crowd.js" with { type: "text" };
import domJs from "./page/dom.js" with { type: "text" };
import eventsJs from "./page/events.js" with { type: "text" };
import guardJs from "./page/guard.js" with { type: "text" };
import itemsJs from "./page/items.js" with { type: "text" };
import keysJs from "./page/keys.js" with { type: "text" };
import languageJs from "./page/language.js" with { type: "text" };
import linesJs from "./page/lines.js" with { type: "text" };
import linksJs from "./page/links.js" with { type: "text" };
import logJs from "./page/log.js" with { type: "text" };
import mainJs from "./page/main.js" with { type: "text" };
import markdownJs from "./page/markdown.js" with { type: "text" };
import messageJs from "./page/message.js" with { type: "text" };
import noticesJs from "./page/notices.js" with { type: "text" };
import notifyJs from "./page/notify.js" with { type: "text" };
import olderJs from "./page/older.js" with { type: "text" };
import outboxJs from "./page/outbox.js" with { type: "text" };
import placesJs from "./page/places.js" with { type: "text" };
import requestsJs from "./page/requests.js" with { type: "text" };
import routeJs from "./page/route.js" with { type: "text" };
import searchJs from "./page/search.js" with { type: "text" };
import sessionJs from "./page/session.js" with { type: "text" };
import settingsJs from "./page/settings.js" with { type: "text" };
import sideJs from "./page/side.js" with { type: "text" };
import signalsJs from "./page/signals.js" with { type: "text" };
import stateJs from "./page/state.js" with { type: "text" };
import storeJs from "./page/store.js" with { type: "text" };
import symbolsJs from "./page/symbols.js" with { type: "text" };
import textJs from "./page/text.js" with { type: "text" };
import unreadJs from "./page/unread.js" with { type: "text" };
import wordsEnJs from "./page/words_en.js" with { type: "text" };
import wordsZhJs from "./page/words_zh.js" with { type: "text" };
import workerJs from "./page/worker.js" with { type: "text" };

/** The media type of the page. */
export const HTML = "text/html; charset=utf-8";
/** The media type of scripts. */
export const JAVASCRIPT = "text/javascript; charset=utf-8";
const CSS = "text/css; charset=utf-8";

/** A file that the page loads. */
export interface PageFile {
  /** The name of the file, without a folder. */
  readonly name: string;
  /** The media type of the file. */
  readonly type: string;
  /** The content of the file. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The page itself, with placeholders for the version and the epoch. */
export const PAGE_HTML: string = html;

/** The service worker, with placeholders for the version and the list of files. */
export const PAGE_WORKER: string = worker;

/** The scripts by name. */
const SCRIPTS: Readonly<Record<string, string>> = {
  "actions.js": actionsJs,
  "attach.js": attachJs,
  "complete.js": completeJs,
  "composer.js": composerJs,
  "connection.js": connectionJs,
  "crowd.js": crowdJs,
  "dom.js": domJs,
  "events.js": eventsJs,
  "guard.js": guardJs,
  "items.js": itemsJs,
  "keys.js": keysJs,
  "language.js": languageJs,
  "lines.js": linesJs,
  "links.js": linksJs,
  "log.js": logJs,
  "main.js": mainJs,
  "markdown.js": markdownJs,
  "message.js": messageJs,
  "notices.js": noticesJs,
  "notify.js": notifyJs,
  "older.js": olderJs,
  "outbox.js": outboxJs,
  "places.js": placesJs,
  "requests.js": requestsJs,
  "route.js": routeJs,
  "search.js": searchJs,
  "session.js": sessionJs,
  "settings.js": settingsJs,
  "side.js": sideJs,
  "signals.js": signalsJs,
  "state.js": stateJs,
  "store.js": storeJs,
  "symbols.js": symbolsJs,
  "text.js": textJs,
  "unread.js": unreadJs,
  "words_en.js": wordsEnJs,
  "words_zh.js": wordsZhJs,
  "worker.js": workerJs,
  "markdown-it.js": markdownIt,
};

const encoder = new TextEncoder();

/** All files that belong to one version of the page. */
export const PAGE_FILES: readonly PageFile[] = [
  ...Object.entries(SCRIPTS).map(([name, text]) => file(name, JAVASCRIPT, resolved(text))),
  file("style.css", CSS, style),
  file("chat.css", CSS, chatStyle),
  file("icon.svg", "image/svg+xml", icon),
  file("manifest.webmanifest", "application/manifest+json", manifest),
  // An import of bytes is not stable, so the images are base64 text.
  ...Object.entries(icons).map(([name, text]) => ({
    name,
    type: "image/png",
    body: Uint8Array.fromBase64(text),
  })),
];

function file(name: string, type: string, text: string): PageFile {
  return { name, type, body: encoder.encode(text) };
}

/** Returns a script in which the name of the package is a path, because a browser knows no packages. */
function resolved(script: string): string {
  return script.replace('from "markdown-it"', 'from "./markdown-it.js"');
}
