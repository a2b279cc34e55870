/**
 * The metrics of the chat and of its web side.
 *
 * @module
 */

import type { LobbyStats } from "./lobby_options.ts";
import type { Metric } from "./prometheus.ts";

/** The state of the web side. */
export interface WebStats {
  /** The number of WebSockets. */
  readonly connections: number;
  /** The number of WebSockets that wait for the close frame of the browser. */
  readonly closing: number;
  /** The number of messages that the rate limit has delayed. */
  readonly throttled: number;
  /** The number of refused requests by reason. */
  readonly turnedAway: Readonly<Record<string, number>>;
  /** The time since the start, in milliseconds. */
  readonly uptime: number;
}

/**
 * Returns the metrics of the chat.
 *
 * @param lobby The counters of the lobby.
 * @param web The counters of the web side.
 */
export function chatMetrics(lobby: LobbyStats, web: WebStats): Metric[] {
  const gauge = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: "gauge",
    value,
  });
  const counter = (name: string, help: string, value: Metric["value"]): Metric => ({
    name,
    help,
    type: "counter",
    value,
  });
  return [
    gauge("chat_users", "Current users.", lobby.users),
    gauge("chat_rooms", "Current rooms.", lobby.rooms),
    counter("chat_joined_total", "Users that joined.", lobby.joined),
    counter("chat_left_total", "Users that left, by reason.", {
      label: "reason",
      values: lobby.left,
    }),
    counter("chat_refused_total", "Refused attempts to join.", lobby.refused),
    counter("chat_messages_total", "Messages.", lobby.messages),
    counter("chat_deliveries_total", "Events delivered to connections.", lobby.deliveries),
    gauge("chat_web_connections", "Open WebSockets.", web.connections),
    gauge(
      "chat_web_closing",
      "WebSockets that wait for the close frame of the browser.",
      web.closing,
    ),
    counter(
      "chat_web_throttled_total",
      "Messages of browsers that the rate limit delayed.",
      web.throttled,
    ),
    counter("chat_web_turned_away_total", "Refused requests, by reason.", {
      label: "reason",
      values: web.turnedAway,
    }),
    gauge("chat_uptime_seconds", "Time since the start.", Math.round(web.uptime / 1000)),
  ];
}
