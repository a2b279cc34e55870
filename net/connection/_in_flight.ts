/**
 * Waits for the raw operation in flight.
 *
 * @param keep Keeps the function to call when the operation has ended, or forgets it.
 * @returns A promise that resolves when this function is called.
 */
export function untilSettled(keep: (settled: (() => void) | undefined) => void): Promise<void> {
  return new Promise((resolve) => {
    keep(() => {
      keep(undefined);
      resolve();
    });
  });
}
