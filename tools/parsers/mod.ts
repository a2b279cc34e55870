/**
 * Parsers for the output of `ping`, `traceroute`, `tracert`, `tracepath`, `ifconfig`, `ip` and
 * `ipconfig`, in any language of the system.
 *
 * **Permissions**: none.
 *
 * @module
 */

export * from "./interfaces.ts";
export * from "./ping.ts";
export * from "./traceroute.ts";
