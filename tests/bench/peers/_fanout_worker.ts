/** A Worker that serves connections, and lets the main thread order their lines. @module */

import { type Line, serveFanOut } from "./_fanout.ts";

/** The main thread. */
const main = self as unknown as {
  postMessage(value: string | readonly Line[]): void;
  onmessage: (event: MessageEvent<Line[]>) => void;
};
const { url, tell } = serveFanOut((lines) => main.postMessage(lines));
main.onmessage = ({ data }) => tell(data);
main.postMessage(url);
