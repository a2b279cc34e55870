/** Logs one line for each request. @module */

import type { ProxyEntry } from "../../http/proxy/proxy.ts";
import type { CliLog } from "../../tools/cli.ts";

const ms = (time: number | undefined) => time === undefined ? time : Math.round(time * 10) / 10;

/**
 * Logs a request: client, method, target, status, bytes from and to the client, and the times until the
 * connection, the start of the response and the end. A missing time is a dash in the text, and absent in
 * JSON.
 */
export function logEntry(log: CliLog, entry: ProxyEntry): void {
  const [connect, firstByte, total] = [entry.connect, entry.firstByte, entry.total].map(ms);
  const times = [
    connect === undefined ? "-" : "{connect}",
    firstByte === undefined ? "-" : "{firstByte}",
    "{total}",
  ];
  const line = "{client} {method} {target} {status} {received}/{sent} B " +
    times.join("/") + " ms" +
    (entry.upstream === undefined ? "" : " via {upstream}") +
    (entry.error === undefined ? "" : ": {error}");
  log.info(line, { ...entry, connect, firstByte, total });
}
