import { deleteSecrets } from "./_headers.ts";
import type { HttpHookRequest } from "./options.ts";
import { plainBody } from "./_request_body.ts";
import { checkMethod, type PlainRequest, type Plan } from "./_request_plan.ts";
import { SpelledHeaders } from "./_spelled_headers.ts";
import { resolveUrl } from "./_url.ts";

/**
 * Applies what a hook has changed. `before` are the headers in front of the hook. Secrets among them do not
 * go to another origin that the hook has chosen.
 */
export function applyChanges(
  plan: Plan,
  plain: PlainRequest,
  told: HttpHookRequest,
  before: Headers,
): void {
  const { headers } = told;
  if (told.url !== plan.url.href) {
    const url = resolveUrl(told.url, plan.url);
    url.username = url.password = "";
    if (url.origin !== plan.url.origin) leave(plan, plain, headers, before);
    plan.url = url;
    plan.template = undefined;
  }
  if (told.method !== plan.method) plan.method = told.method = checkMethod(told.method);
  if (told.body === undefined) return;
  plan.body = told.body === null ? undefined : plainBody(told.body);
  // Of the old body. The hook may have set another one.
  if (headers.get("content-type") === before.get("content-type")) headers.delete("content-type");
  const type = plan.body?.type;
  if (type !== undefined && !headers.has("content-type")) headers.set("Content-Type", type);
  if (plan.headers?.has("content-type")) {
    plan.headers = new SpelledHeaders(plan.headers);
    plan.headers.delete("content-type");
  }
}

/** Removes the secrets of the old origin, except those that the hook has set itself. */
function leave(plan: Plan, plain: PlainRequest, headers: Headers, before: Headers): void {
  plan.auth = plan.answer = undefined;
  const open = new Headers(before);
  deleteSecrets(open);
  for (const [name, value] of before) {
    if (!open.has(name) && headers.get(name) === value) headers.delete(name);
  }
  // Further tries begin with these headers.
  plan.headers = new SpelledHeaders(plan.headers ?? plain.headers);
  deleteSecrets(plan.headers);
}
