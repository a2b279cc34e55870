import { lowerAscii, parseDigits } from "../../../net/text.ts";
import { parseList } from "../../header_list.ts";
import { hasBody } from "../../internal/lazy_request.ts";
import { isIdempotent } from "../../internal/methods.ts";
import { offerOf } from "../../internal/offer.ts";
import { problem } from "../../problem.ts";
import { hasPassed, type HeadRules, type OutgoingHead, type UploadFraming } from "./_head.ts";

/** What is known of a request before a target is chosen. */
export interface Plan extends OutgoingHead {
  /** Whether the request may be sent again. */
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
    return problem(400, { detail: `A request of method ${method} with a body is not passed on` });
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
        "and wrappers have to pass the request on as it is",
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

/** Returns how the body is framed; undefined for one that cannot be had. */
function framingOf(request: Request): UploadFraming | undefined {
  const { method, headers } = request;
  const length = headers.get("content-length");
  const chunked = headers.has("transfer-encoding");
  if (method === "GET" || method === "HEAD") {
    // No `Request` has such a body, and without it the request would be another one.
    return chunked || (length !== null && !/^0+$/.test(length)) ? undefined : "none";
  }
  if (!hasBody(request)) return "none";
  return chunked || length === null ? "chunked" : parseDigits(length) ?? "chunked";
}

/** Protocols that are an offer only, and are not passed on (RFC 9113 §3.1, RFC 2817). */
const IGNORED = /^(?:h2c?|HTTP\/2(?:\.0)?|TLS(?:\/.*)?)$/i;

/** Returns the protocols that a client asks for. */
function protocolsOf(upgrade: string): string {
  return parseList(upgrade).filter((protocol) => !IGNORED.test(protocol)).join(", ");
}
