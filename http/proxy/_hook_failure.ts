import { getLogger } from "@logtape/logtape";
import { ProxyRefusal } from "./_error_pages.ts";

const logger = getLogger(["portside", "http", "proxy"]);

/** Logs the error of a hook, and returns the refusal. Only the log and the entry show the error. */
export function hookFailed(hook: string, error: unknown): ProxyRefusal {
  // The time limit has expired, or the client has left.
  if (error instanceof ProxyRefusal) return error;
  logger.error("{hook} failed: {error}", { hook, error });
  const why = error instanceof Error ? error.message : String(error);
  return new ProxyRefusal(500, "The proxy has failed", `${hook} failed: ${why}`);
}
