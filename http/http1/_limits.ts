import { count, flag, oneOf, OptionRules } from "../../net/internal/options.ts";
import { MAX_FIELDS, MAX_HEAD } from "../internal/http1_limits.ts";

/** Limits of an {@linkcode Http1Decoder}. */
export interface Http1Limits {
  /**
   * Maximum size of a head, with its first line and all fields, in bytes.
   *
   * @default 32768
   */
  maxHead?: number;
  /**
   * Maximum size of the first line, and of an escaped request target, in bytes. For a tolerant decoder,
   * only `maxHead` limits them.
   *
   * @default 8192
   */
  maxLine?: number;
  /**
   * Maximum number of fields of a head. For a tolerant decoder, only `maxHead` limits them.
   *
   * @default 100
   */
  maxFields?: number;
  /**
   * Maximum size of the fields after the last chunk, in bytes.
   *
   * @default 8192
   */
  maxTrailers?: number;
}

/** Options of an {@linkcode Http1Decoder}. */
export interface Http1DecoderOptions extends Http1Limits {
  /**
   * Whether to accept malformed responses that widely used clients and proxies accept, and to deliver
   * them in canonical form. The table in the module documentation lists them. Requests are always read
   * strictly.
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

/** The complete options of each frozen object, so that all decoders of a server share them. */
const shared = new WeakMap<Http1DecoderOptions, Required<Http1DecoderOptions>>();

/**
 * Returns the options with their defaults. The result is shared if `options` is frozen.
 *
 * @throws {RangeError} If a limit is out of range.
 * @throws {TypeError} If an option has the wrong type, or requests are to be read tolerantly.
 */
export function checkOptions(
  side: "request" | "response",
  options: Http1DecoderOptions,
): Required<Http1DecoderOptions> {
  SIDE("side", side);
  const complete = shared.get(options) ?? completeOptions(options);
  if (complete.tolerant && side === "request") {
    throw new TypeError("Cannot read requests tolerantly: only responses can be repaired");
  }
  return complete;
}

function completeOptions(options: Http1DecoderOptions): Required<Http1DecoderOptions> {
  const given = RULES.check("Http1Decoder", options);
  const { tolerant = false, maxHead = MAX_HEAD, maxTrailers = 8192 } = given;
  const { maxLine = tolerant ? Infinity : 8192 } = given;
  const { maxFields = tolerant ? Infinity : MAX_FIELDS } = given;
  const complete = { maxHead, maxLine, maxFields, maxTrailers, tolerant };
  if (Object.isFrozen(options)) shared.set(options, complete);
  return complete;
}
