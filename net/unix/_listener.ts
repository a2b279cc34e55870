import type { Listener } from "../internal/listen.ts";
import { type FileId, isSameFile } from "../internal/local_files.ts";

/**
 * A listening Unix socket that removes only its own file when it is closed. Deno removes whatever is
 * at the path, for example the socket of the next server.
 */
export class UnixListener implements Listener<Deno.UnixAddr> {
  readonly addr: Deno.UnixAddr;
  readonly #inner: Deno.UnixListener;
  readonly #file: FileId | undefined;
  #accepting = false;
  /** Gives another file its name back. It is set if closing removes that file. */
  #restore: (() => void) | undefined;

  /** Takes a socket that has just been opened, so that the file at its path is the one it created. */
  constructor(inner: Deno.UnixListener) {
    this.#inner = inner;
    this.addr = inner.addr as Deno.UnixAddr;
    this.#file = identify(this.addr.path);
  }

  /** Accepts a connection. If it rejects after `close`, everything has been removed that will be. */
  async accept(): Promise<Deno.UnixConn> {
    this.#accepting = true;
    try {
      return await this.#inner.accept();
    } finally {
      this.#accepting = false;
      this.#restoreNow();
    }
  }

  close(): void {
    const { path } = this.addr;
    const there = identify(path);
    if (there !== undefined && !(this.#file && isSameFile(there, this.#file))) {
      this.#restore = setAside(path);
    }
    this.#inner.close();
    // A pending accept keeps the socket open until it rejects. Only then Deno removes the file.
    if (!this.#accepting) this.#restoreNow();
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }

  #restoreNow(): void {
    const restore = this.#restore;
    this.#restore = undefined;
    restore?.();
  }
}

/** Returns what identifies the file at a path, or undefined if there is none. */
function identify(path: string): FileId | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Gives a file a second name in its folder, so that it outlives the removal of the first one.
 *
 * @returns A function that ends this, or undefined if it is impossible or not permitted.
 */
function setAside(path: string): (() => void) | undefined {
  const aside = path.replace(/[^/]*$/, `.${crypto.randomUUID()}`);
  if (!mayUse(aside)) return undefined;
  try {
    Deno.linkSync(path, aside);
  } catch {
    return undefined;
  }
  return () => {
    try {
      // It fails if the file is still there, or a newer one, which it does not replace.
      Deno.linkSync(aside, path);
    } catch { /* There is a file. */ }
    Deno.removeSync(aside);
  };
}

/** Returns whether the program may read and write a file. It is not asked for the permission. */
function mayUse(path: string): boolean {
  return (["read", "write"] as const).every((name) =>
    Deno.permissions.querySync({ name, path }).state === "granted"
  );
}
