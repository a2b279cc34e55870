/** A real browser for tests, if this machine has one. @module */

import { type Browser, chromium } from "playwright-core";
import { type Availability, findProgram, needs } from "./peers.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const path = findProgram(...NAMES);

/** Whether there is a Chromium. */
export const chrome: Availability = needs(
  NAMES.find((name) => findProgram(name) !== undefined) ?? "chromium",
);

/** What Chromium does by itself it does not do here: nothing but loopback is asked for. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Chromium; more flags may be given. */
export function launchChrome(...flags: string[]): Promise<Browser> {
  return chromium.launch({ executablePath: path!, args: [...FLAGS, ...flags] });
}
