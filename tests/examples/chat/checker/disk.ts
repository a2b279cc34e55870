/** A small disk for the store, which the test can fill. @module */

/** The size of the disk in bytes. */
const SIZE = 64 * 1024 * 1024;

/** The size of one write of the ballast in bytes. */
const CHUNK = 1024 * 1024;

/** A folder on a disk of its own if this user may mount one, or else an ordinary folder. */
export class SmallDisk implements AsyncDisposable {
  readonly folder: string;
  /** Whether {@linkcode fill} has an effect. */
  readonly canFill: boolean;

  private constructor(folder: string, canFill: boolean) {
    this.folder = folder;
    this.canFill = canFill;
  }

  /** Makes the folder, and mounts the disk there. */
  static async make(): Promise<SmallDisk> {
    const folder = await Deno.makeTempDir({ prefix: "chat_checker_" });
    const options = ["-t", "tmpfs", "-o", `size=${SIZE},mode=700`, "chat-checker", folder];
    return new SmallDisk(folder, await run("mount", ...options));
  }

  /** Fills the disk to the last byte. */
  async fill(): Promise<void> {
    if (!this.canFill) return;
    using file = await Deno.open(`${this.folder}/ballast`, { write: true, create: true });
    for (let size = CHUNK; size >= 1;) {
      try {
        if (await file.write(new Uint8Array(size)) < size) size = Math.floor(size / 2);
      } catch {
        size = Math.floor(size / 2);
      }
    }
  }

  /** Makes room again. */
  async free(): Promise<void> {
    try {
      await Deno.remove(`${this.folder}/ballast`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.canFill) await run("umount", this.folder);
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Runs a program. Returns whether it has succeeded; a missing program has not. */
async function run(program: string, ...args: readonly string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false;
  }
}
