/** The incomplete file of a download. */

import { PartialFile, type PartialPaths } from "../../net/internal/partial_file.ts";

/** The identity of the content, which must be unchanged for a download to resume. */
export interface PartialState {
  /** A digest of the URL, which may hold secrets. */
  readonly url: string;
  /** The value for `If-Range`: a strong entity tag or a date. */
  readonly validator: string;
  /** The entity tag, strong or weak. */
  readonly etag?: string | undefined;
  /** The value of `Last-Modified`. */
  readonly modified?: string | undefined;
  /** The complete size in bytes; undefined if it is unknown. */
  readonly total: number | undefined;
}

/** The incomplete file of a download. */
export type PartialDownload = PartialFile<PartialState>;

/** Opens the incomplete file of a download, or starts a new one. */
export function openPartial(paths: PartialPaths, resume: boolean): Promise<PartialDownload> {
  return PartialFile.open(paths, resume ? readState : undefined);
}

/** Returns the state in a note; undefined if it has another form. */
function readState(note: unknown): PartialState | undefined {
  const { url, validator, etag, modified, total } = (note ?? {}) as Record<string, unknown>;
  if (typeof url !== "string" || typeof validator !== "string") return undefined;
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  return {
    url,
    validator,
    etag: text(etag),
    modified: text(modified),
    total: Number.isSafeInteger(total) ? total as number : undefined,
  };
}

/** Makes an empty file in a folder for a rename to replace, and returns its path. The name is free. */
export async function freePath(folder: string, name: string): Promise<string> {
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 0;; number++) {
    const path = `${folder}/${number === 0 ? name : `${stem} (${number})${extension}`}`;
    try {
      (await Deno.open(path, { write: true, createNew: true })).close();
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists) || number >= MAX_NUMBER) throw error;
    }
  }
}

/** A limit on the files of the same name in a folder. */
const MAX_NUMBER = 1000;
