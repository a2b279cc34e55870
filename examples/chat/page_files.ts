/**
 * The files of the page. They are imported, so that they are part of a compiled program.
 *
 * **Permissions**: none.
 *
 * @module
 */

import app from "./page/app.js" with { type: "text" };
import guard from "./page/guard.js" with { type: "text" };
import icons from "./page/icons.json" with { type: "json" };
import icon from "./page/icon.svg" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import manifest from "./page/manifest.webmanifest" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import worker from "./page/sw.js" with { type: "text" };

/** The media type of the page. */
export const HTML = "text/html; charset=utf-8";
/** The media type of scripts. */
export const JAVASCRIPT = "text/javascript; charset=utf-8";

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
  "app.js": app,
  "guard.js": guard,
};

const encoder = new TextEncoder();

/** All files that belong to one version of the page. */
export const PAGE_FILES: readonly PageFile[] = [
  ...Object.entries(SCRIPTS).map(([name, text]) => file(name, JAVASCRIPT, text)),
  file("style.css", "text/css; charset=utf-8", style),
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
