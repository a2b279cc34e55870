/**
 * The commands of terminals that refer to messages. A page sends numbers of messages; a terminal shows
 * none, so a command means the last message.
 *
 * @module
 */

import type { ChatEvent, ChatMessage, ChatWelcome, RoomEvent } from "./events.ts";
import type { Member } from "./member.ts";
import { newestThatFit, type TerminalStyle } from "./terminal_text.ts";
import type { FaceCode } from "./words.ts";

/** The messages that `/history` shows at once. */
const PAGE = 20;

/** The own messages that `/delete` can delete one after the other. */
const MAX_OWN = 100;

/** Runs the commands of one terminal. */
export class TerminalCommands {
  readonly #style: TerminalStyle;
  /** The numbers of the own messages in the current room, oldest first. */
  #own: number[] = [];
  /** The number of the last message of another user, and the own reactions to it. */
  #last: number | undefined;
  readonly #reactions = new Set<string>();
  /** The number of the oldest message on the screen. */
  #oldest: number | undefined;

  /** @param style The format of the terminal, which decides how many messages it shows. */
  constructor(style: TerminalStyle) {
    this.#style = style;
  }

  /** Takes note of events of other users. */
  hear(events: readonly RoomEvent[]): void {
    const last = events.findLast(isMessage);
    if (last === undefined) return;
    this.#oldest ??= events.find(isMessage)!.seq;
    this.#heard(last.seq);
  }

  /** Takes note of an event that the terminal receives. */
  note(event: ChatEvent, own: boolean): void {
    switch (event.type) {
      case "welcome":
        return this.#enter(event);
      case "message":
      case "private":
        this.#oldest ??= event.seq;
        return own ? this.#said(event.seq) : this.#heard(event.seq);
      case "delete":
        this.#own = this.#own.filter((seq) => seq !== event.target);
        return;
      case "history":
        this.#oldest = newestThatFit(event.events, this.#style.lang).oldest ?? this.#oldest;
        return;
    }
  }

  /**
   * Runs a line if it is a command of terminals.
   *
   * @param member The user of the terminal.
   * @param line The line as the user entered it.
   * @returns Undefined if the line is for the chat; otherwise a sentence for the user, or null.
   */
  run(member: Member, line: string): Promise<FaceCode | null> | undefined {
    if (!line.startsWith("/")) return undefined;
    const match = /^\/(edit|delete|react|history)(?:\s+(.*))?$/is.exec(line);
    if (match === null) return undefined;
    const [, command = "", rest = ""] = match;
    return this.#run(member, command.toLowerCase(), rest.trim());
  }

  async #run(member: Member, command: string, rest: string): Promise<FaceCode | null> {
    // The line before may be on its way to the archive, and is the last message then.
    await member.settled();
    switch (command) {
      case "edit":
        return rest === "" ? "usage-edit" : await this.#edit(member, rest);
      case "delete":
        return await this.#delete(member);
      case "react":
        return rest === "" ? "usage-react" : await this.#react(member, rest);
      default:
        await member.history({
          limit: PAGE,
          ...this.#oldest !== undefined && { before: this.#oldest },
        });
        return null;
    }
  }

  async #edit(member: Member, text: string): Promise<FaceCode | null> {
    const target = this.#own.at(-1);
    if (target === undefined) return "nothing-said";
    await member.edit(target, text);
    return null;
  }

  async #delete(member: Member): Promise<FaceCode | null> {
    const target = this.#own.at(-1);
    if (target === undefined) return "nothing-said";
    await member.remove(target);
    return null;
  }

  async #react(member: Member, emoji: string): Promise<FaceCode | null> {
    if (this.#last === undefined) return "nothing-heard";
    const on = !this.#reactions.delete(emoji);
    if (on) this.#reactions.add(emoji);
    await member.react(this.#last, emoji, on);
    return null;
  }

  #said(seq: number): void {
    this.#own.push(seq);
    if (this.#own.length > MAX_OWN) this.#own.shift();
  }

  #heard(seq: number): void {
    this.#last = seq;
    this.#reactions.clear();
  }

  #enter({ events, user }: ChatWelcome): void {
    const messages = events.filter((event) => event.type === "message" && !event.deleted);
    const own = (event: { readonly user: number }) => event.user === user;
    this.#own = messages.filter(own).map(({ seq }) => seq).slice(-MAX_OWN);
    this.#last = messages.findLast((event) => !own(event))?.seq;
    this.#reactions.clear();
    const { lang, replay } = this.#style;
    this.#oldest = newestThatFit(events, lang, replay).oldest;
  }
}

function isMessage(event: RoomEvent): event is ChatMessage {
  return event.type === "message";
}
