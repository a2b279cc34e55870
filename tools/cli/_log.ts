/** LogTape set up for one run of a program. Private to `tools/`. @module */

import {
  configureSync,
  getConfig,
  type LogLevel,
  type LogRecord,
  resetSync,
} from "@logtape/logtape";
import { isNetErrorName, isPlainFailure } from "./_failure.ts";
import type { CliIo } from "./_io.ts";
import { escapeControls, escapeJson } from "../../net/text.ts";

const COLORS: Readonly<Record<LogLevel, string>> = {
  trace: "2",
  debug: "2",
  info: "32",
  warning: "33",
  error: "31",
  fatal: "1;31",
};

function show(value: unknown): string {
  if (typeof value === "string") return value;
  // A failure of the network is a sentence; for anything else the stack says where the bug is.
  if (value instanceof Error) {
    return isPlainFailure(value) ? value.message : value.stack ?? value.message;
  }
  return Deno.inspect(value, { colors: false, compact: true, breakLength: Infinity });
}

function messageOf(record: LogRecord): string {
  return record.message.map((part, at) => at % 2 === 0 ? String(part) : show(part)).join("");
}

/** One line for a person: time, level, who, what. */
function humanLine(record: LogRecord, color: boolean): string {
  const level = record.level.toUpperCase().padEnd(7);
  const shownLevel = color ? `\x1b[${COLORS[record.level]}m${level}\x1b[0m` : level;
  const category = record.category.filter((part, index) => index > 0 || part !== "portside");
  const time = new Date(record.timestamp).toISOString();
  return `${time} ${shownLevel} ${escapeControls(`${category.join(".")}: ${messageOf(record)}`)}\n`;
}

/** What JSON has no form for: an error becomes its fields, a big number its digits. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack } = value;
  // Fields such as the kind and the code of a NetError; its stack would say nothing.
  if (isNetErrorName(name)) return { ...value, name, message };
  // What a server answered may be long and secret: its headers and body stay out of a log.
  return isPlainFailure(value) ? { name, message } : { name, message, stack };
}

/** One JSON object: the same text as for a person, and the properties apart. */
function jsonLine(record: LogRecord): string {
  const { timestamp, level, category, properties } = record;
  const time = new Date(timestamp).toISOString();
  const message = messageOf(record);
  const line = { time, level, logger: category.join("."), message, properties };
  return escapeJson(JSON.stringify(line, jsonValue)) + "\n";
}

/**
 * Sends the logs of the library and of the program to standard error. LogTape is one per program,
 * so what was configured before is put back by the returned function.
 */
export function configureLogging(io: CliIo, level: LogLevel, json: boolean): () => void {
  const before = getConfig();
  const color = io.stderrIsTerminal && !io.noColor;
  const sink = (record: LogRecord) => {
    const line = json ? jsonLine(record) : humanLine(record, color);
    try {
      io.stderr(line);
    } catch {
      // Nobody reads standard error any more; the work goes on.
    }
  };
  configureSync({
    reset: true,
    sinks: { stderr: sink },
    loggers: [
      { category: [], sinks: ["stderr"], lowestLevel: level },
      { category: ["logtape", "meta"], lowestLevel: "fatal", parentSinks: "override", sinks: [] },
    ],
  });
  return () => before === null ? resetSync() : configureSync({ ...before, reset: true });
}
