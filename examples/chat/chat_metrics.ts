/**
 * The metrics of the chat and of its web side.
 *
 * @module
 */

import type { LobbyStats } from "./lobby_options.ts";
import type { Metric } from "./metrics.ts";

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
    gauge("chat_users", "Users now.", lobby.users),
    gauge("chat_rooms", "Rooms now.", lobby.rooms),
    counter("chat_joined_total", "Users that came.", lobby.joined),
    counter("chat_left_total", "Users that went, by how they went.", {
      label: "reason",
      values: lobby.left,
    }),
    counter("chat_refused_total", "Names refused.", lobby.refused),
    counter("chat_messages_total", "Messages.", lobby.messages),
    counter("chat_deliveries_total", "Events handed to connections.", lobby.deliveries),
    gauge("chat_web_connections", "WebSockets now.", web.connections),
    gauge(
      "chat_web_closing",
      "WebSockets of these whose browser has not answered the close frame.",
      web.closing,
    ),
    counter(
      "chat_web_throttled_total",
      "Messages of browsers that had to wait for their turn.",
      web.throttled,
    ),
    counter("chat_web_turned_away_total", "Requests turned away, by why.", {
      label: "reason",
      values: web.turnedAway,
    }),
    gauge("chat_uptime_seconds", "Time since the start.", Math.round(web.uptime / 1000)),
  ];
}
