/** Limits of an {@linkcode Http1Decoder}. */
export interface Http1Limits {
  /**
   * The most bytes of a head: its first line and all fields.
   *
   * @default 32768
   */
  maxHead?: number;
  /**
   * The most bytes of the first line, and of a request target once it is escaped. A tolerant decoder
   * has no limit here but `maxHead`.
   *
   * @default 8192
   */
  maxLine?: number;
  /**
   * The most fields of a head. A tolerant decoder has no limit here but `maxHead`.
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

/** Options of an {@linkcode Http1Decoder}. */
export interface Http1DecoderOptions extends Http1Limits {
  /**
   * Whether responses are accepted as widely used clients and proxies accept them, and delivered in
   * canonical form. The table in the module documentation says what this accepts. Requests are
   * always read strictly.
   *
   * @default false
   */
  tolerant?: boolean;
}

/**
 * Returns the options with their defaults.
 *
 * @throws {RangeError} If a limit is not a number above 0.
 * @throws {TypeError} If requests are to be read tolerantly.
 */
export function checkOptions(
  side: "request" | "response",
  options: Http1DecoderOptions,
): Required<Http1DecoderOptions> {
  const { tolerant = false, maxHead = 32 * 1024, maxTrailers = 8192 } = options;
  if (typeof tolerant !== "boolean") {
    throw new TypeError(`Cannot use tolerant ${tolerant}: it is true or false`);
  }
  if (tolerant && side === "request") {
    throw new TypeError("Cannot read requests tolerantly: only responses may be repaired");
  }
  const { maxLine = tolerant ? Infinity : 8192, maxFields = tolerant ? Infinity : 100 } = options;
  const limits = { maxHead, maxLine, maxFields, maxTrailers };
  for (const [name, value] of Object.entries(limits)) {
    if (!(value > 0)) {
      throw new RangeError(`Cannot use ${name} ${value}: it is a number above 0`);
    }
  }
  return { ...limits, tolerant };
}
