/**
 * The Telnet protocol, as far as a server needs it that wants no option (RFC 854, RFC 855). Pure.
 *
 * A client that speaks Telnet mixes commands into its text. The decoder removes them, also those that
 * are split over reads, and answers: every option is refused, and a timing mark is confirmed
 * (RFC 860). After Ctrl+C, a client hides all output until that confirmation arrives. The decoder never
 * asks for an option, so no exchange of answers can loop (RFC 1143 §3).
 *
 * `nc` sends no commands. Bytes without the escape byte 255 are returned as they are.
 *
 * **Permissions**: none.
 *
 * @module
 */

/** "Interpret as command": the escape byte. */
const IAC = 255;
const DONT = 254;
const DO = 253;
const WONT = 252;
const WILL = 251;
/** The begin and the end of a subnegotiation. */
const SB = 250;
const SE = 240;
const ERASE_LINE = 248;
const ERASE_CHARACTER = 247;
const ARE_YOU_THERE = 246;
const INTERRUPT = 244;
const BREAK = 243;
/** The lowest command (RFC 1184). Lower bytes after the escape byte are text. */
const FIRST_COMMAND = 236;

const TIMING_MARK = 6;

/** Keys of the Telnet keyboard, and the control characters that terminals send for them. */
const KEYS: ReadonlyMap<number, number> = new Map([
  [ERASE_CHARACTER, 0x7f],
  [ERASE_LINE, 0x15],
  [INTERRUPT, 0x03],
  [BREAK, 0x03],
]);

/** The maximum size of a subnegotiation. The decoder asks for none, so a longer one is taken for text. */
const MAX_SUBNEGOTIATION = 1024;

/** The result of {@linkcode TelnetDecoder.decode}. */
export interface TelnetInput {
  /** The text of the user. It may share the memory of the decoded bytes. */
  readonly data: Uint8Array;
  /** The bytes to send to the client; empty if there is nothing to answer. */
  readonly answer: Uint8Array;
  /** Whether the user asked "Are you there?". The user expects a visible answer. */
  readonly areYouThere: boolean;
}

const NOTHING = new Uint8Array(0);

/** Removes the Telnet commands of one client from its bytes. */
export class TelnetDecoder {
  #state: "text" | "command" | "option" | "inside" | "inside-command" = "text";
  /** The verb whose option comes next. */
  #verb = 0;
  /** The bytes of the subnegotiation so far. */
  #inside = 0;
  #spoken = false;
  #data: Uint8Array = NOTHING;
  #size = 0;
  #answer: number[] = [];
  #asked = false;

  /**
   * Decodes the next bytes of the client.
   *
   * @param bytes The bytes in the order of their arrival, in pieces of any size.
   * @returns The text, and the answer to the commands among it.
   */
  decode(bytes: Uint8Array): TelnetInput {
    if (this.#state === "text" && !bytes.includes(IAC)) {
      return { data: bytes, answer: NOTHING, areYouThere: false };
    }
    // One byte more, because an escape byte of the last read may turn out to be text.
    this.#data = new Uint8Array(bytes.length + 1);
    this.#size = 0;
    this.#asked = false;
    for (const byte of bytes) this.#step(byte);
    const answer = this.#answer.length === 0 ? NOTHING : Uint8Array.from(this.#answer);
    this.#answer = [];
    return { data: this.#data.subarray(0, this.#size), answer, areYouThere: this.#asked };
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "text":
        if (byte === IAC) this.#state = "command";
        else this.#text(byte);
        return;
      case "command":
        return this.#command(byte);
      case "option":
        this.#state = "text";
        return this.#option(byte);
      case "inside":
        return this.#skip(byte);
      case "inside-command":
        this.#state = byte === SE ? "text" : "inside";
        return;
    }
  }

  #text(byte: number): void {
    this.#data[this.#size++] = byte;
  }

  #command(byte: number): void {
    this.#state = "text";
    if (byte < FIRST_COMMAND) return this.#noCommand(byte);
    if (byte === IAC) return this.#text(IAC);
    this.#spoken = true;
    if (byte >= WILL) {
      this.#state = "option";
      this.#verb = byte;
    } else if (byte === SB) {
      this.#state = "inside";
      this.#inside = 0;
    } else if (byte === ARE_YOU_THERE) this.#asked = true;
    else if (KEYS.has(byte)) this.#text(KEYS.get(byte)!);
  }

  /**
   * An escape byte without a command. A Telnet client sends one if the command, a data mark, was sent as
   * urgent data (RFC 854, "The TELNET Synch Signal"). From any other client, the byte 255 is text.
   */
  #noCommand(byte: number): void {
    if (!this.#spoken) this.#text(IAC);
    this.#text(byte);
  }

  #option(option: number): void {
    if (this.#verb === WILL) this.#answer.push(IAC, DONT, option);
    else if (this.#verb === DO) {
      this.#answer.push(IAC, option === TIMING_MARK ? WILL : WONT, option);
    }
  }

  #skip(byte: number): void {
    if (byte === IAC) this.#state = "inside-command";
    else if (++this.#inside > MAX_SUBNEGOTIATION) this.#state = "text";
  }
}
