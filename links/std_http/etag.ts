import * as std from "npm:deno-std@1.4.0/http/etag.js";

/** The properties of a file from which an entity tag is made. */
export interface FileInfo {
  /** The time of the last change. */
  mtime: Date | null;
  /** In bytes. */
  size: number;
}

/** Makes an entity tag of a text, or of size and time of a file. */
export const eTag: (
  entity: string | FileInfo,
  options?: { weak?: boolean },
) => Promise<string | undefined> = std.eTag;
