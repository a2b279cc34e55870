import { lowerAscii, parseDigits } from "../../../net/text.ts";
import { parseList } from "../../header_list.ts";
import { hasBody } from "../../internal/lazy_request.ts";
import { isIdempotent } from "../../internal/methods.ts";
import { offerOf } from "../../internal/upgrade_offer.ts";
import { problem } from "../../problem.ts";
import { hasPassed, type HeadRules, type OutgoingHead, type UploadFraming } from "./_head.ts";

/** The properties of a request that do not depend on the target. */
export interface Plan extends OutgoingHead {
  /** Whether the request may be repeated. */
  readonly repeatable: boolean;
}

/** Plans a request, or returns the response that refuses it. */
export function planOf(request: Request, rules: HeadRules): Plan | Response {
  const { method, headers } = request;
  if (hasPassed(headers, rules.name)) {
    return problem(508, { detail: "The request comes from this proxy itself" });
  }
  const framing = framingOf(request);
  if (framing === undefined) {
    return problem(400, {
      detail: `A request of method ${method} with a body cannot be forwarded`,
    });
  }
  const maxForwards = method === "OPTIONS"
    ? parseDigits(headers.get("max-forwards") ?? "")
    : undefined;
  // RFC 9110 §7.6.2.
  if (maxForwards === 0) return new Response(null, { status: 204 });
  const upgrade = headers.has("upgrade") ? protocolsOf(headers.get("upgrade")!) : "";
  const bodyless = framing === "none";
  if (upgrade !== "" && bodyless && offerOf(request) === undefined) {
    return problem(501, {
      detail: "The connection cannot be upgraded here: the server needs the option hardened, " +
        "and wrappers must pass on the original request",
    });
  }
  return {
    framing,
    upgrade: upgrade !== "" && bodyless ? upgrade : undefined,
    expect: !bodyless && lowerAscii(headers.get("expect") ?? "") === "100-continue",
    maxForwards: maxForwards === undefined ? undefined : maxForwards - 1,
    repeatable: bodyless && isIdempotent(method),
  };
}

/** Returns the framing of the body; undefined for a body that cannot be read. */
function framingOf(request: Request): UploadFraming | undefined {
  const { method, headers } = request;
  const length = headers.get("content-length");
  const chunked = headers.has("transfer-encoding");
  if (method === "GET" || method === "HEAD") {
    // A `Request` cannot have such a body. Without it, the request would have another meaning.
    return chunked || (length !== null && !/^0+$/.test(length)) ? undefined : "none";
  }
  if (!hasBody(request)) return "none";
  return chunked || length === null ? "chunked" : parseDigits(length) ?? "chunked";
}

/** Protocols that clients only offer, and that are not forwarded (RFC 9113 §3.1, RFC 2817). */
const IGNORED = /^(?:h2c?|HTTP\/2(?:\.0)?|TLS(?:\/.*)?)$/i;

/** Returns the protocols that a client requests. */
function protocolsOf(upgrade: string): string {
  return parseList(upgrade).filter((protocol) => !IGNORED.test(protocol)).join(", ");
}
