/**
 * The counters of Toxiproxy in the text format of Prometheus, version 0.0.4.
 *
 * Source: METRICS.md of Toxiproxy, and "Exposition formats" in the documentation of Prometheus.
 *
 * @module
 */

import { formatAddress } from "../../net/address.ts";
import type { ControlledProxy } from "./_controlled_proxy.ts";

const COUNTERS = ["received", "sent"] as const;
const DIRECTIONS = [["upstream", "upload"], ["downstream", "download"]] as const;

/** Returns the response with the bytes of each proxy. */
export function metrics(proxies: Iterable<ControlledProxy>): Response {
  const all = [...proxies];
  const lines = COUNTERS.flatMap((counter) => {
    const name = `toxiproxy_proxy_${counter}_bytes_total`;
    return [
      `# HELP ${name} Bytes ${counter} by a proxy, by direction.`,
      `# TYPE ${name} counter`,
      ...all.flatMap((proxy) =>
        DIRECTIONS.map(([direction, ours]) =>
          `${name}${labels(proxy, direction)} ${proxy.traffic[ours][counter]}`
        )
      ),
    ];
  });
  return new Response(`${lines.join("\n")}\n`, {
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  });
}

function labels({ name, listen, upstream }: ControlledProxy, direction: string): string {
  const all = { direction, listener: formatAddress(listen), proxy: name, upstream };
  return `{${Object.entries(all).map(([key, value]) => `${key}="${escaped(value)}"`).join(",")}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => char === "\n" ? "\\n" : `\\${char}`);
}
