/** A real browser for tests, if this machine has one. @module */

import { type Browser, chromium } from "playwright-core";
import { type Availability, findProgram } from "./peers.ts";

const path = findProgram("chromium", "chromium-browser", "google-chrome");

/** Whether there is a Chromium. */
export const chrome: Availability = {
  ignore: path === undefined,
  reason: path === undefined ? "chromium is not installed" : "",
  suffix: path === undefined ? " (chromium is not installed)" : "",
};

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
