/**
 * The metrics of a node on a bus.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { Lobby } from "../lobby.ts";
import type { Metric } from "../prometheus.ts";
import type { BusArchive } from "./bus_archive.ts";

/**
 * Returns the metrics of a node.
 *
 * @param archive The archive of the node.
 * @param lobby The lobby of the node.
 */
export function busMetrics(archive: BusArchive, lobby: Lobby): Metric[] {
  const { gauges } = archive;
  const gauge = (name: string, help: string, value: number): Metric =>
    ({ name, help, type: "gauge", value }) as const;
  return [
    gauge("chat_bus_ready", "1 while this node may act for users.", archive.isReady ? 1 : 0),
    gauge("chat_bus_nodes", "Nodes with a lease, as of the last renewal.", archive.nodes),
    gauge("chat_bus_local_users", "Users of this node.", lobby.localUsers),
    gauge("chat_bus_lag_records", "Records not yet read, as of the last renewal.", archive.lag),
    gauge("chat_bus_queue_bytes", "Lines and tasks that wait at this node.", lobby.waiting),
    {
      name: "chat_bus_reconnects_total",
      help: "Connections to Redis that were opened again.",
      type: "counter",
      value: archive.reconnects,
    },
    {
      name: "chat_bus_lines_total",
      help: "Lines of all nodes that this node has read.",
      type: "counter",
      value: gauges.lines,
    },
    {
      name: "chat_bus_hop_seconds",
      help:
        "Time from the receipt of a line of this node until it has been read back and delivered.",
      type: "histogram",
      value: gauges.hops(),
    },
  ];
}
