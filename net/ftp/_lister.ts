/** Listings: the choice of the command, the change of the directory, and the parsing. */

import { NetError } from "../errors/errors.ts";
import { ReplyError } from "../errors/reply_error.ts";
import type { FtpControl } from "./_control.ts";
import type { FtpTransfers } from "./_transfers.ts";
import { type FtpEntry, parseFtpFacts, parseFtpPath } from "./codec.ts";
import { nextTurn, parseInTurns, STEP } from "./_parse_listing.ts";
import type { FtpListOptions } from "./options.ts";

/** The replies of a server that takes the flag for a name, or refuses it. */
const NO_FLAG = /^(?:450|500|501|502|504|550|553)$/;

/** Lists the directories of a session. The caller holds the session for itself. */
export class FtpLister {
  readonly #control: FtpControl;
  readonly #transfers: FtpTransfers;
  /** Whether the server has refused MLSD although it lists MLST among its features. */
  #refusesMlsd = false;
  /** Whether the server understands `LIST -a`; undefined before the first try. */
  #showsHidden: boolean | undefined;

  constructor(control: FtpControl, transfers: FtpTransfers) {
    this.#control = control;
    this.#transfers = transfers;
  }

  /** Returns the entries of a directory. */
  async list(path: string | undefined, options: FtpListOptions): Promise<FtpEntry[]> {
    const { parseLine, onUnknown, signal } = options;
    if (parseLine === undefined && !this.#refusesMlsd && this.#control.features.has("MLST")) {
      const entries = await this.#byFacts(path, options);
      if (entries !== undefined) return entries;
    }
    const { entries, unknown } = await parseInTurns(await this.lines(path, signal), parseLine);
    this.#tell(unknown, onUnknown);
    return [...entries];
  }

  /** Returns the lines of LIST. */
  async lines(path: string | undefined, signal: AbortSignal | undefined): Promise<string[]> {
    const what = `Cannot list ${path ?? "the directory"}`;
    if (path === undefined) return await this.#plain(what, signal);
    const reply = await this.#control.command(what, "PWD");
    const home = parseFtpPath(reply.lines[0]!) ??
      this.#control.dialogue.nonsense(reply.lines[0]!);
    await this.#control.command(what, `CWD ${path}`);
    // Later paths are relative to the directory of the caller.
    const goBack = () => this.#control.command(what, `CWD ${home}`);
    let lines: string[];
    try {
      lines = await this.#plain(what, signal);
    } catch (error) {
      const { dialogue } = this.#control;
      // The reply to a broken transfer would be taken for the reply to CWD.
      if (dialogue.isSpared(error) && dialogue.conn.open) await goBack();
      throw error;
    }
    await goBack();
    return lines;
  }

  /** Lists by MLSD; undefined if the server does not know the command. */
  async #byFacts(
    path: string | undefined,
    { onUnknown, signal }: FtpListOptions,
  ): Promise<FtpEntry[] | undefined> {
    const what = `Cannot list ${path ?? "the directory"}`;
    let lines: string[];
    try {
      const command = path === undefined ? "MLSD" : `MLSD ${path}`;
      lines = await this.#transfers.listing(what, command, signal);
    } catch (error) {
      if (!isReply(error, /^50[0124]$/)) throw error;
      // 501 can be an answer to this path alone.
      this.#refusesMlsd = error.code !== "501";
      return undefined;
    }
    const entries: FtpEntry[] = [];
    const unknown: string[] = [];
    for (const [index, line] of lines.entries()) {
      if (index % STEP === STEP - 1) await nextTurn();
      if (line === "") continue;
      const found = parseFtpFacts(line);
      if (found === undefined) unknown.push(line);
      else if (!found.self) {
        const { self: _, ...entry } = found;
        entries.push(entry);
      }
    }
    this.#tell(unknown, onUnknown);
    return entries;
  }

  /** Lists the current directory by LIST, with hidden names if the server shows them. */
  async #plain(what: string, signal: AbortSignal | undefined): Promise<string[]> {
    if (this.#showsHidden === true) return await this.#listing(what, "LIST -a", signal);
    if (this.#showsHidden === undefined) {
      const all = await this.#listing(what, "LIST -a", signal).catch((error) => {
        // Other errors are about the directory or the data connection, not about the flag.
        if (isReply(error, NO_FLAG)) return [];
        throw error;
      });
      const { entries, unknown } = await parseInTurns(all);
      // A server that takes the flag for a name finds nothing, or says so in words, or finds that name.
      const isName = entries.length === 1 && entries[0]!.name === "-a";
      this.#showsHidden = all.length > 0 && unknown.length === 0 && !isName;
      if (this.#showsHidden) return all;
    }
    return await this.#listing(what, "LIST", signal);
  }

  async #listing(
    what: string,
    command: string,
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    try {
      return await this.#transfers.listing(what, command, signal);
    } catch (error) {
      // The directory exists, because the session is in it.
      // The message of the error names the directory, whose name can contain any words.
      const empty = isReply(error, /^[45]50$/) && !this.#transfers.partial.has(error) &&
        /no (?:such )?files?\b(?! or director)|no members|empty/i.test(error.text);
      if (empty) return [];
      throw error;
    }
  }

  /** Reports lines that are not understood, or throws an error for the first one. */
  #tell(unknown: readonly string[], onUnknown: ((line: string) => void) | undefined): void {
    if (onUnknown !== undefined) return unknown.forEach((line) => onUnknown(line));
    const [line] = unknown;
    if (line === undefined) return;
    const { peer } = this.#control.dialogue;
    const quoted = JSON.stringify(line.slice(0, 200));
    throw new NetError(
      `Cannot read the listing of ${peer}: a line has a form that is not known: ${quoted}`,
      { kind: "protocol", phase: "request", address: peer },
    );
  }
}

function isReply(error: unknown, code: RegExp): error is ReplyError {
  return error instanceof ReplyError && code.test(error.code ?? "");
}
