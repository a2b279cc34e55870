/**
 * The options and the result of a download.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type { HttpClient, HttpFetchOptions } from "./client.ts";

/** The expected digest of a file. */
export interface DownloadDigest {
  /** The hash algorithm. */
  readonly algorithm: "sha256" | "sha384" | "sha512" | "sha1" | "md5";
  /** The expected digest in hexadecimal. */
  readonly hex: string;
}

/** Options of {@linkcode download}. */
export interface DownloadOptions extends Omit<HttpFetchOptions, "maxBody" | "raiseForStatus"> {
  /**
   * The client to use.
   *
   * @default a new one with the defaults of `createClient`
   */
  client?: HttpClient;
  /**
   * The expected size of the file in bytes.
   *
   * @default the size that the server states
   */
  size?: number;
  /**
   * The largest allowed size of the file in bytes.
   *
   * @default Infinity
   */
  maxSize?: number;
  /**
   * The expected digest of the file.
   *
   * @default the digest is not checked
   */
  digest?: DownloadDigest;
  /**
   * Whether to resume an earlier incomplete download, and to keep an incomplete file after a failure.
   *
   * @default true
   */
  resume?: boolean;
  /**
   * The largest number of parts that are downloaded at once. A new file comes in parts if the server
   * supports ranges and each part has 1 MiB or more. After a failure of a part, the rest comes in one piece.
   * The client limits the connections with `maxPerHost`.
   *
   * @default 1
   */
  parallel?: number;
  /**
   * Whether `file` is a folder, and the server names the file: by `Content-Disposition` (RFC 6266) or by
   * the path of the URL. The name is made safe, and no existing file is replaced: a second `a.txt` becomes
   * `a (1).txt`. The incomplete file is `.HASH.part` in the folder.
   *
   * @default false
   */
  remoteName?: boolean;
}

/** The result of a download. */
export interface DownloadResult {
  /** The path of the file. */
  readonly path: string;
  /** The size of the file in bytes. */
  readonly size: number;
  /** The number of bytes that an earlier run had downloaded. */
  readonly resumedFrom: number;
  /** The number of interruptions after which the download resumed. */
  readonly resumptions: number;
}
