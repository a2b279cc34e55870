import * as std from "npm:deno-std@1.4.0/http/etag.js";

/** What an entity tag is made of, where it is not made of the content. */
export interface FileInfo {
  /** When it was changed. */
  mtime: Date | null;
  /** In bytes. */
  size: number;
}

/** Makes an entity tag of a text, or of size and time of a file. */
export const eTag: (
  entity: string | FileInfo,
  options?: { weak?: boolean },
) => Promise<string | undefined> = std.eTag;
