/** What happened in a run, in numbers, and what must never happen. @module */

/** Maximum number of faults of one kind that are kept. */
const KEPT = 5;

/** The counters of all loads. */
export class Book {
  /** The counters by name. */
  readonly counts = new Map<string, number>();
  /** What must never happen: the number of times and some examples, by kind. */
  readonly faults = new Map<string, { count: number; readonly examples: string[] }>();

  /** Adds to a counter. */
  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  /** Notes something that must never happen. */
  blame(kind: string, detail = ""): void {
    const fault = this.faults.get(kind) ?? { count: 0, examples: [] };
    this.faults.set(kind, fault);
    fault.count++;
    if (fault.examples.length < KEPT) fault.examples.push(detail);
  }

  /** Notes a number of events that is not within its limits. */
  expect(kind: string, seen: number, least: number, most: number, detail = ""): void {
    if (seen < least) this.blame(`${kind}: lost`, `${seen} instead of ${least}. ${detail}`);
    if (seen > most) this.blame(`${kind}: doubled`, `${seen} instead of ${most}. ${detail}`);
  }
}
