/**
 * Applies the limits of an archive again and again.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import { Alarm } from "../../../net/internal/timer.ts";
import type { Archive } from "./archive.ts";
import type { KeepLimits, KeepReport } from "./upkeep.ts";

/** Time between two looks at the amount of new text, in milliseconds. */
const LOOK = 1000;

/** Time between two runs, in milliseconds, if little was written. */
const INTERVAL = 60_000;

/** New text that causes a run at the next look, in UTF-16 units. */
const MUCH_TEXT = 4 * 1024 * 1024;

/** The options of {@linkcode Housekeeper}. */
export interface HousekeeperOptions {
  /** The limits of age, number and size. */
  readonly limits: KeepLimits;
  /** Returns the time in milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** Called after a run that removed something. */
  readonly onReport?: (report: KeepReport) => void;
  /** Called when a run failed. The next run tries again. */
  readonly onError?: (error: unknown) => void;
}

/** Runs the upkeep of an archive: at once, every minute, and after much new text. */
export class Housekeeper implements AsyncDisposable {
  readonly #archive: Archive;
  readonly #options: HousekeeperOptions;
  readonly #alarm = new Alarm(() => this.#look(), false);
  #written = 0;
  #ranAt = -Infinity;
  #run: Promise<void> = Promise.resolve();
  #isClosed = false;

  /**
   * Starts the upkeep.
   *
   * @param archive The archive, which must stay open until the housekeeper is disposed.
   * @param options The limits, and callbacks for the log.
   */
  constructor(archive: Archive, options: HousekeeperOptions) {
    this.#archive = archive;
    this.#options = options;
    this.#alarm.start(0);
  }

  /** Stops the upkeep, and waits for a run in progress. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#alarm.stop();
    await this.#run;
  }

  #look(): void {
    const written = this.#archive.written - this.#written;
    const isDue = performance.now() - this.#ranAt >= INTERVAL || written >= MUCH_TEXT;
    this.#run = (isDue ? this.#keep() : Promise.resolve()).then(() => {
      if (!this.#isClosed) this.#alarm.start(LOOK);
    });
  }

  async #keep(): Promise<void> {
    const { limits, now = Date.now, onReport, onError } = this.#options;
    this.#written = this.#archive.written;
    this.#ranAt = performance.now();
    try {
      const report = await this.#archive.keep(limits, now());
      if (report.messages > 0 || report.users > 0) onReport?.(report);
    } catch (error) {
      if (!this.#isClosed) onError?.(error);
    }
  }
}
