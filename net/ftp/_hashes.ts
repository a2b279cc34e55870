/** Hashes of files on the server: HASH (draft-bryan-ftpext-hash), XSHA256, XMD5, XCRC and others. */

import { ReplyError } from "../errors/reply_error.ts";
import { type RunningHash, runningHash } from "../internal/running_hash.ts";
import { lowerAscii, upperAscii } from "../text.ts";
import { type FtpControl, isOf } from "./_control.ts";
import type { FtpHash } from "./options.ts";

/** The algorithms, the best one first, with the digits of a hash and the commands for one algorithm. */
const ALGORITHMS = [
  { name: "SHA-512", digits: 128, commands: ["XSHA512"] },
  { name: "SHA-256", digits: 64, commands: ["XSHA256"] },
  { name: "SHA-1", digits: 40, commands: ["XSHA1", "XSHA"] },
  { name: "MD5", digits: 32, commands: ["XMD5", "MD5"] },
  { name: "CRC32", digits: 8, commands: ["XCRC"] },
] as const;

type Algorithm = (typeof ALGORITHMS)[number];

/** A way to ask for hashes. */
interface Asking {
  readonly algorithm: Algorithm;
  readonly command: string;
}

/** Asks the server for hashes. The caller holds the session for itself. */
export class FtpHashes {
  readonly #control: FtpControl;
  /** The way to ask; null if the server knows none; undefined before the first question. */
  #asking: Asking | null | undefined;

  constructor(control: FtpControl) {
    this.#control = control;
  }

  /** Returns a hash to compare with that of the server; undefined if the server knows no algorithm. */
  async begin(): Promise<RunningHash | undefined> {
    const asking = this.#asking ??= await this.#choose();
    return asking === null ? undefined : runningHash(asking.algorithm.name);
  }

  /**
   * Asks for the hash of a file; undefined if the server knows no algorithm.
   *
   * @throws {ReplyError} If the server refuses the question.
   */
  async of(path: string): Promise<FtpHash | undefined> {
    const asking = this.#asking ??= await this.#choose();
    if (asking === null) return undefined;
    const { algorithm, command } = asking;
    const what = `Cannot ask for the hash of ${path}`;
    const { lines } = await this.#control.command(what, `${command} ${path}`);
    const value = hashIn(lines.at(-1) ?? "", algorithm.digits) ??
      this.#control.dialogue.nonsense(lines.at(-1) ?? "");
    return { algorithm: algorithm.name, value };
  }

  /** Asks for the hash of a file; undefined also if the server refuses, because the file is too large for example. */
  async ifKnown(path: string): Promise<FtpHash | undefined> {
    try {
      return await this.of(path);
    } catch (error) {
      if (error instanceof ReplyError) return undefined;
      throw error;
    }
  }

  async #choose(): Promise<Asking | null> {
    const { features } = this.#control;
    // The one with an asterisk is the one in use.
    const offered = upperAscii(features.get("HASH") ?? "").split(";");
    for (const algorithm of ALGORITHMS) {
      const { name, commands } = algorithm;
      if (offered.includes(`${name}*`)) return { algorithm, command: "HASH" };
      if (offered.includes(name)) {
        const reply = await this.#control.ask(`OPTS HASH ${name}`);
        if (isOf(2, reply)) return { algorithm, command: "HASH" };
      }
      const command = commands.find((each) => features.has(each));
      if (command !== undefined) return { algorithm, command };
    }
    return null;
  }
}

/** Returns the hash in a reply. A name of the algorithm and a range may be before it, and the path after it. */
function hashIn(text: string, digits: number): string | undefined {
  const words = text.split(/[ \t]+/).flatMap((word) =>
    /^"?(?:0x)?([0-9a-f]+)"?$/i.exec(word)?.[1] ?? []
  );
  // Some servers leave out the zeros at the start of a CRC. A short word may also be a word of the text.
  const hex = words.find(({ length }) => length === digits) ??
    (digits === 8 ? words.find(({ length }) => length < 8) : undefined);
  return hex && lowerAscii(hex).padStart(digits, "0");
}
