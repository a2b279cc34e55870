/**
 * Parsers for the output of `ping`, `traceroute`, `tracert`, `tracepath`, `ifconfig`, `ip` and
 * `ipconfig`, in any language of the system.
 *
 * @example Windows in Russian
 * ```ts
 * import { parsePing } from "@portside/kit/tools/parsers";
 * import { assertEquals } from "@std/assert";
 *
 * const report = parsePing(`
 * Обмен пакетами с 192.0.2.7 по с 32 байтами данных:
 * Ответ от 192.0.2.7: число байт=32 время=37мс TTL=57
 * Ответ от 192.0.2.1: Заданный узел недоступен.
 *
 * Статистика Ping для 192.0.2.7:
 *     Пакетов: отправлено = 2, получено = 2, потеряно = 0
 *     (0% потерь)
 * `);
 * assertEquals([report.transmitted, report.received, report.loss], [2, 1, 0.5]);
 * assertEquals(report.replies[0]?.time, 37);
 * assertEquals(report.troubles[0]?.from, "192.0.2.1");
 * ```
 *
 * **Permissions**: none.
 *
 * @module
 */

export * from "./interfaces.ts";
export * from "./ping.ts";
export * from "./traceroute.ts";
