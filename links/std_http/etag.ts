import * as std from "npm:deno-std@1.4.0/http/etag.js";

/** Makes an entity tag of a text. */
export const eTag: (entity: string) => Promise<string | undefined> = std.eTag;

/** Whether `If-None-Match` lets the full answer be sent. */
export const ifNoneMatch: (value: string | null, etag: string | undefined) => boolean =
  std.ifNoneMatch;
