import { isSameFile } from "../../net/internal/local_files.ts";
import { extensionOf } from "./_file_media_types.ts";

/** A file in the folder. */
export interface Found {
  /** The real path, without symbolic links. */
  readonly real: string;
  /** The path within the folder, e.g. `/css/site.css`. It decides the rules and the media type. */
  readonly path: string;
  /** The modification time in milliseconds since 1970. */
  readonly modified: number;
  /** The status of the file at the time of the lookup. */
  readonly info: Deno.FileInfo;
}

/** The options of a lookup. */
export interface LookupOptions {
  readonly root: string | URL;
  readonly index: string | null;
  readonly extensions: readonly string[];
  readonly dotFiles: boolean;
}

const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";

/** Error codes for paths that lead to no file in the folder. */
const ABSENT = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ENAMETOOLONG", "ELOOP", "EINVAL"]);

/** Waits for a step of the lookup. Returns undefined if the path leads to no file. */
export async function ifPresent<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code === "string" && ABSENT.has(code)) return undefined;
    throw error;
  }
}

/**
 * The files of a folder for one request. Each request resolves the path of the folder, so a symbolic
 * link as the root may be switched to another folder.
 */
export class Lookup {
  readonly #base: string;
  readonly #options: LookupOptions;

  private constructor(base: string, options: LookupOptions) {
    this.#base = base;
    this.#options = options;
  }

  /** Opens the folder; undefined if it does not exist or cannot be read. */
  static async open(options: LookupOptions): Promise<Lookup | undefined> {
    const base = await ifPresent(Deno.realPath(options.root));
    return base === undefined ? undefined : new Lookup(base, options);
  }

  /**
   * Finds the file of a path. Returns "folder" for a folder with an index file if the path has no
   * slash at its end, and undefined if there is no file.
   *
   * @param names The names in the path. The last one is "" if the path ends in a slash.
   */
  async find(names: readonly string[]): Promise<Found | "folder" | undefined> {
    const { index, extensions } = this.#options;
    const wantsFolder = names.at(-1) === "";
    const path = (wantsFolder ? names.slice(0, -1) : names).map((name) => `/${name}`).join("");
    const found = await this.#at(path);
    if (found?.info.isFile) return wantsFolder ? undefined : found;
    if (found?.info.isDirectory && index !== null) {
      const page = await this.file(`${path}/${index}`);
      if (page !== undefined) return wantsFolder ? page : "folder";
    }
    if (wantsFolder || path === "") return undefined;
    for (const extension of extensions) {
      const page = await this.file(`${path}.${extension}`);
      if (page !== undefined) return page;
    }
    return undefined;
  }

  /** Finds a file by its path within the folder, which starts with a slash. */
  async file(path: string): Promise<Found | undefined> {
    const found = await this.#at(path);
    // Opening a named pipe would block.
    return found?.info.isFile ? found : undefined;
  }

  /**
   * Returns whether an open file is the one that was found. Otherwise a link out of the folder may have
   * replaced it, or one of the folders in its path, between the lookup and the opening.
   */
  isSame({ real, info }: Found, opened: Deno.FileInfo): boolean {
    if (!isSameFile(opened, info)) return false;
    // A link in place of the file was noticed by the lookup. Only folders are left.
    if (!real.includes(SEPARATOR, this.#base.length + 1)) return true;
    try {
      // Between the two calls a link could come back, so they follow each other at once. They do not
      // wait for the disk: the system has just opened the path.
      return Deno.realPathSync(real) === real && isSameFile(opened, Deno.lstatSync(real));
    } catch {
      return false;
    }
  }

  async #at(path: string): Promise<Found | undefined> {
    const real = await ifPresent(Deno.realPath(this.#base + path));
    if (real === undefined || !this.#contains(real)) return undefined;
    // A link here has replaced the file since.
    const info = await ifPresent(Deno.lstat(real));
    return info && { real, path, info, modified: info.mtime?.getTime() ?? 0 };
  }

  #contains(real: string): boolean {
    const base = this.#base;
    return real === base ||
      real.startsWith(base.endsWith(SEPARATOR) ? base : base + SEPARATOR);
  }
}

/** Returns whether a path may lead to a page, because its last name has no extension. */
export function isPagePath(names: readonly string[]): boolean {
  return extensionOf(names.at(-1) ?? "") === "";
}
