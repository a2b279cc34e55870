import type { Plan } from "./_request_plan.ts";
import { utf8OfHeader } from "../internal/header_text.ts";
import { deleteSecrets } from "./_headers.ts";
import { SpelledHeaders } from "./_spelled_headers.ts";
import { failure } from "./_request_failure.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const BODY_HEADERS = [
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
  "transfer-encoding",
];

/** Returns the target of a redirect; null if it is malformed, undefined without a redirect. */
export function locationOf(status: number, headers: Headers, from: URL): URL | null | undefined {
  if (!REDIRECTS.has(status)) return undefined;
  const location = headers.get("location");
  return location === null ? undefined : URL.parse(utf8OfHeader(location), from);
}

/** Changes a plan to the target of a redirect (Fetch §4.4, RFC 9110 §15.4). */
export function follow(plan: Plan, status: number, to: URL | null, own: () => Headers): void {
  if (to === null || (to.protocol !== "http:" && to.protocol !== "https:")) {
    throw failure(plan, "protocol", "the redirect leads to no http or https URL");
  }
  const { method } = plan;
  const toGet = (status === 303 && method !== "GET" && method !== "HEAD") ||
    ((status === 301 || status === 302) && method === "POST");
  if (!toGet && plan.body !== undefined && !plan.body.replayable) {
    throw failure(plan, "usage", `it redirects with ${status}, and a stream cannot be sent again`);
  }
  const crossing = to.origin !== plan.url.origin;
  if (crossing || toGet) plan.headers = new SpelledHeaders(plan.headers ?? own());
  if (crossing) {
    plan.auth = plan.answer = undefined;
    deleteSecrets(plan.headers!);
  }
  if (toGet) {
    plan.method = "GET";
    plan.body = undefined;
    for (const name of BODY_HEADERS) plan.headers!.delete(name);
  }
  // A server must not choose the credentials of the client.
  to.username = to.password = "";
  if (to.hash === "") to.hash = plan.url.hash;
  plan.url = to;
  plan.template = undefined;
  plan.redirected = true;
}
