import * as std from "npm:deno-std@1.4.0/http/status.js";

/** The phrase of each status code, e.g. `Not Found` for 404. */
export const STATUS_TEXT: Readonly<Record<number, string | undefined>> = std.STATUS_TEXT;
