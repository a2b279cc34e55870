import { count, flag, oneOf, OptionRules } from "../../net/internal/options.ts";
import { MAX_FIELDS, MAX_HEAD } from "../internal/http1_limits.ts";

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

const SIDE = oneOf("request", "response");

const RULES = new OptionRules<Http1DecoderOptions>({
  maxHead: count,
  maxLine: count,
  maxFields: count,
  maxTrailers: count,
  tolerant: flag,
});

/**
 * Returns the options with their defaults.
 *
 * @throws {RangeError} If a limit is out of range.
 * @throws {TypeError} If an option has the wrong type, or requests are to be read tolerantly.
 */
export function checkOptions(
  side: "request" | "response",
  options: Http1DecoderOptions,
): Required<Http1DecoderOptions> {
  SIDE("side", side);
  RULES.check("Http1Decoder", options);
  const { tolerant = false, maxHead = MAX_HEAD, maxTrailers = 8192 } = options;
  if (tolerant && side === "request") {
    throw new TypeError("Cannot read requests tolerantly: only responses may be repaired");
  }
  const { maxLine = tolerant ? Infinity : 8192 } = options;
  const { maxFields = tolerant ? Infinity : MAX_FIELDS } = options;
  return { maxHead, maxLine, maxFields, maxTrailers, tolerant };
}
