import { escapeControls } from "../text.ts";

/** The depth of the values of an error that JSON shows. */
const DEPTH = 10;

/**
 * Returns what `JSON.stringify` shows of an error: the name, the message and the fields. JSON escapes only some
 * of the control characters, so the texts of peers are escaped before.
 */
export function errorJson(error: Error): Record<string, unknown> {
  const { name, message } = error;
  return { name, message, ...escaped({ ...error }, DEPTH) as object };
}

function escaped(value: unknown, depth: number): unknown {
  if (typeof value === "string") return escapeControls(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "...";
  if (Array.isArray(value)) return value.map((one) => escaped(one, depth - 1));
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, one]) => [escapeControls(name), escaped(one, depth - 1)]),
  );
}

/** Returns an error of a parser without control characters of the parsed text in its message. */
export function harmlessCause(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  const message = escapeControls(cause.message);
  if (message === cause.message) return cause;
  const error = new Error(message);
  error.name = cause.name;
  return error;
}
