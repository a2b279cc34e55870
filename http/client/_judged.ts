import { HttpStatusError } from "./errors.ts";
import { decodeText } from "./_decode_json.ts";
import type { ClientExchange } from "./_exchange.ts";
import type { Plan } from "./_request_plan.ts";
import { shownUrl } from "./_url.ts";

/** The part of a body that an error keeps, in bytes. */
const ERROR_BODY = 64 * 1024;

/** Returns the response, or throws if its status is an error for the caller. */
export async function judged(exchange: ClientExchange, plan: Plan): Promise<ClientExchange> {
  try {
    if (exchange.status < 400 || !plan.raise(exchange.status)) return exchange;
  } catch (error) {
    exchange.discard();
    throw error;
  }
  throw await statusError(exchange, plan);
}

/** Returns the error for a status of 400 or above. */
async function statusError(exchange: ClientExchange, plan: Plan): Promise<HttpStatusError> {
  const { status, statusText, headers } = exchange;
  let data = new Uint8Array();
  let broken: ErrorOptions = {};
  try {
    data = await exchange.bytes(ERROR_BODY);
  } catch (cause) {
    // The status is more useful than an error of the body.
    if (plan.signal?.aborted === true) throw cause;
    broken = { cause };
  }
  const text = decodeText(data.subarray(0, ERROR_BODY), headers.get("content-type"));
  const { method, url, history } = plan;
  return new HttpStatusError({
    status,
    statusText,
    headers,
    body: text,
    method,
    url: shownUrl(url),
    history,
    ...broken,
  });
}
