/** Limits of an {@linkcode Http1Decoder}. */
export interface Http1Limits {
  /**
   * The most bytes of a head: its first line and all fields.
   *
   * @default 32768
   */
  maxHead?: number;
  /**
   * The most bytes of the first line.
   *
   * @default 8192
   */
  maxLine?: number;
  /**
   * The most fields of a head.
   *
   * @default 100
   */
  maxFields?: number;
  /**
   * The most bytes of the fields behind the last chunk.
   *
   * @default 8192
   */
  maxTrailers?: number;
}

/** The limits with their defaults; throws a RangeError for one that is no number above 0. */
export function checkLimits(limits: Http1Limits): Required<Http1Limits> {
  const { maxHead = 32 * 1024, maxLine = 8192, maxFields = 100, maxTrailers = 8192 } = limits;
  const checked = { maxHead, maxLine, maxFields, maxTrailers };
  for (const [name, value] of Object.entries(checked)) {
    if (!(value > 0)) throw new RangeError(`Cannot use ${name} ${value}: it is a number above 0`);
  }
  return checked;
}
