import { Alarm } from "../../net/internal/timer.ts";

/**
 * Waits for the end of some work, but not longer than a time.
 *
 * @param work The work. It continues after the time is over.
 * @param ms The time in milliseconds; Infinity waits for the work alone.
 */
export async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const alarm = new Alarm(resolve);
  alarm.start(ms);
  try {
    await Promise.race([work, promise]);
  } finally {
    alarm.stop();
  }
}
