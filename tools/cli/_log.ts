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
  // A network failure has a readable message. Other errors are bugs, so the stack is shown.
  if (value instanceof Error) {
    return isPlainFailure(value) ? value.message : value.stack ?? value.message;
  }
  return Deno.inspect(value, { colors: false, compact: true, breakLength: Infinity });
}

function messageOf(record: LogRecord): string {
  return record.message.map((part, at) => at % 2 === 0 ? String(part) : show(part)).join("");
}

/** Returns a line of text: time, level, logger and message. */
function humanLine(record: LogRecord, color: boolean): string {
  const level = record.level.toUpperCase().padEnd(7);
  const shownLevel = color ? `\x1b[${COLORS[record.level]}m${level}\x1b[0m` : level;
  const category = record.category.filter((part, index) => index > 0 || part !== "portside");
  const time = new Date(record.timestamp).toISOString();
  return `${time} ${shownLevel} ${escapeControls(`${category.join(".")}: ${messageOf(record)}`)}\n`;
}

/** Converts values that JSON does not support: errors to their fields, big integers to text. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack } = value;
  // The fields of a NetError, such as its kind and code, are useful; its stack is not.
  if (isNetErrorName(name)) return { ...value, name, message };
  // The response in such an error may be long and confidential, so it is not logged.
  return isPlainFailure(value) ? { name, message } : { name, message, stack };
}

/** Returns a line of JSON: the message, and the properties as separate fields. */
function jsonLine(record: LogRecord): string {
  const { timestamp, level, category, properties } = record;
  const time = new Date(timestamp).toISOString();
  const message = messageOf(record);
  const line = { time, level, logger: category.join("."), message, properties };
  return escapeJson(JSON.stringify(line, jsonValue)) + "\n";
}

/**
 * Sends the logs of the library and of the program to standard error. LogTape has one configuration
 * per process. The returned function restores the previous one.
 */
export function configureLogging(io: CliIo, level: LogLevel, json: boolean): () => void {
  const before = getConfig();
  const color = io.stderrIsTerminal && !io.noColor;
  const sink = (record: LogRecord) => {
    const line = json ? jsonLine(record) : humanLine(record, color);
    try {
      io.stderr(line);
    } catch { /* Standard error is closed; the program continues. */ }
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
