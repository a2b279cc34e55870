/**
 * What users say: messages, private messages, commands, and changes of messages.
 *
 * **Permissions**: those of the archive.
 *
 * @module
 */

import type {
  Appended,
  Entry,
  MessageEntry,
  RefusedChange,
  StoredEvent,
} from "./archive/archive.ts";
import { conversationKey, conversationUsers } from "./archive/records.ts";
import type { ErrorCode, RoomEvent } from "./events.ts";
import type { Draft } from "./ledger.ts";
import type { LineOptions } from "./member.ts";
import { nameKey, withoutHash } from "./names.ts";
import type { Presence } from "./presence.ts";
import { type Room, roomKey } from "./room.ts";
import { byteLength, enumerate, isBlank, neutralise } from "./safe_text.ts";
import type { Session } from "./session.ts";
import { type Author, type ChatState, reasonOf } from "./state.ts";
import { type Peer, privateEvent, roomEvent } from "./stored_events.ts";
import { beginDelivery, endSpans, isTraced } from "./tracing.ts";

/** An entry without the fields that depend on its author. */
type Content<E = Entry> = E extends Entry
  ? Omit<E, "seq" | "at" | "room" | "user" | "name" | "line">
  : never;

/** Neighbouring lines of one author in one room. They go to each of its users in one step. */
interface Run {
  readonly home: Room<Session>;
  /** The author; undefined if the author is no longer in the chat. */
  readonly session: Session | undefined;
  readonly events: RoomEvent[];
}

/** One emoji of Unicode, as keyboards send it. It is made late, because its tables take 15 ms. */
let emojiPattern: RegExp | undefined;

/** The errors for refused changes. */
const REFUSED: Readonly<Record<Exclude<RefusedChange, "moved">, ErrorCode>> = {
  gone: "no-such-message",
  "not-own": "not-yours",
  "too-many": "too-many-reactions",
  "no-such-file": "no-such-file",
};

/** Handles lines and changes of messages. */
export class Speech {
  readonly #state: ChatState;
  readonly #presence: Presence;
  readonly #search: (session: Session, query: string, id?: number) => void;

  /**
   * @param state The state of the lobby.
   * @param presence The part of the lobby that moves users.
   * @param search Answers a line with `/search`.
   */
  constructor(
    state: ChatState,
    presence: Presence,
    search: (session: Session, query: string, id?: number) => void,
  ) {
    this.#state = state;
    this.#presence = presence;
    this.#search = search;
  }

  /** Sends a line to a room or a user, or runs the command in it. */
  say(session: Session, line: string, options: LineOptions): void {
    // A line that comes too late is not confirmed, so its author keeps it.
    if (this.#state.stopping) return;
    const text = this.#check(session, line, options);
    if (text === undefined) return;
    if (!text.startsWith("/")) return this.#post(session, text, false, options);
    // A second slash makes the line a text, so that users can write "/help is useful".
    if (text.startsWith("//")) return this.#post(session, text.slice(1), false, options);
    const [, command = "", rest = ""] = /^\/(\S*)\s*(.*)$/s.exec(text)!;
    this.#command(session, command.toLowerCase(), rest.trimEnd(), options);
  }

  /** Replaces the text of a message of the user. */
  async edit(session: Session, target: number, line: string, id?: number): Promise<void> {
    const text = this.#check(session, line, { id: id ?? 0 });
    if (text !== undefined) await this.#change(session, { kind: "edit", target, text }, id);
  }

  /** Deletes a message of the user. */
  async remove(session: Session, target: number, id?: number): Promise<void> {
    await this.#change(session, { kind: "delete", target }, id);
  }

  /** Adds or removes a reaction of the user. */
  async react(
    session: Session,
    target: number,
    { emoji, on }: { readonly emoji: string; readonly on: boolean },
    id?: number,
  ): Promise<void> {
    emojiPattern ??= new RegExp("^\\p{RGI_Emoji}$", "v");
    if (!emojiPattern.test(emoji)) return this.#state.delivery.refuse(session, "bad-emoji", { id });
    await this.#change(session, { kind: "reaction", target, emoji, on }, id);
  }

  /** Tells everyone about the lines of a transaction: their authors after the others. */
  settle(drafts: readonly Draft<Author>[], results: readonly (Appended | undefined)[]): void {
    if (this.#state.shared !== undefined) return this.#settleShared(drafts, results);
    let run: Run | undefined;
    for (let i = 0; i < drafts.length; i++) {
      const { author: { session, home }, entry } = drafts[i]!;
      const result = results[i];
      const isPublic = home !== undefined && result?.outcome === "stored";
      if (run !== undefined && (!isPublic || run.home !== home || run.session !== session)) {
        this.#tellRoom(run);
        run = undefined;
      }
      if (result?.outcome === "stored" && entry.kind === "message") this.#state.messages++;
      if (!isPublic) this.#settle(drafts[i]!, result);
      else {
        run ??= { home, session, events: [] };
        run.events.push(roomEvent(result.event, home.name));
      }
    }
    if (run !== undefined) this.#tellRoom(run);
  }

  /** Tells authors whose lines are not new. {@linkcode Speech.hear} tells everyone about new ones. */
  #settleShared(
    drafts: readonly Draft<Author>[],
    results: readonly (Appended | undefined)[],
  ): void {
    for (const [i, draft] of drafts.entries()) {
      if (results[i]?.outcome !== "stored") this.#settle(draft, results[i]);
      else if (draft.entry.kind === "message") this.#state.messages++;
    }
  }

  /** Tells everyone about lines of all processes, in the order of the archive. */
  async hear(events: readonly StoredEvent[]): Promise<void> {
    const { rooms, sessions } = this.#state;
    let run: Run | undefined;
    for (const stored of events) {
      const home = rooms.withKey(stored.room);
      const session = sessions.ofUser(stored.user);
      if (run !== undefined && (run.home !== home || run.session !== session)) {
        this.#tellRoom(run);
        run = undefined;
      }
      if (home !== undefined) {
        run ??= { home, session, events: [] };
        run.events.push(roomEvent(stored, home.name));
      } else await this.#hearPrivate(stored);
    }
    if (run !== undefined) this.#tellRoom(run);
  }

  /** Tells the users of a private conversation who are here. */
  async #hearPrivate(stored: StoredEvent): Promise<void> {
    const pair = conversationUsers(stored.room);
    if (pair === undefined) return;
    const { delivery, sessions, archive } = this.#state;
    const { user, line } = stored;
    const peer = pair[0] === user ? pair[1] : pair[0];
    const [author, other] = [sessions.ofUser(user), sessions.ofUser(peer)];
    if (author?.face === undefined && other?.face === undefined) return;
    const name = async (id: number) => (await archive.user(id))?.name ?? `${id}`;
    if (other !== undefined && other !== author) {
      const from = author ?? { user, name: await name(user) };
      delivery.deliver(other, privateEvent(stored, other.name, from), false);
    }
    if (author === undefined) return;
    this.#state.settings.onStep("confirm");
    const to = other ?? { user: peer, name: await name(peer) };
    delivery.deliver(author, privateEvent(stored, author.name, to), true);
    if (other?.isAway === false || stored.kind !== "message") return;
    delivery.reply(
      author,
      "away",
      { name: to.name },
      line === undefined ? undefined : Number(line),
    );
  }

  #tellRoom({ home, session, events }: Run): void {
    const spans = isTraced ? beginDelivery(events, home.members.size) : [];
    this.#state.delivery.broadcast(home, events, session);
    endSpans(spans);
  }

  /** Tells the author of a line, and for a private one also its reader. */
  #settle({ author, entry }: Draft<Author>, result: Appended | undefined): void {
    const { session, to } = author;
    const { delivery, ledger } = this.#state;
    if (result === undefined) return delivery.refuse(session, "not-stored", author);
    switch (result.outcome) {
      case "stored":
        return this.#tellPair(session, to!, result.event, author.id);
      case "repeated":
        return this.#confirm(session, author, result.event);
      case "unchanged":
        return this.#confirm(session, author, { ...entry as StoredEvent, seq: ledger.seq });
      case "refused":
        if (result.reason === "moved") return this.#moved(session, entry);
        return delivery.refuse(session, REFUSED[result.reason], author);
    }
  }

  /**
   * Ends the connection of a user for whom another process acts. The page sends the line again when it comes back. A
   * user who has come back to this process meanwhile has sent it already.
   */
  #moved(session: Session, { tenure }: Entry): void {
    const { shared, delivery } = this.#state;
    if (session.seat === undefined || tenure !== shared?.tenure(session.user)) return;
    delivery.deliver(session, { type: "bye", code: "offline" }, true);
    this.#presence.lose(session, "lost");
  }

  /** Returns the safe text of a line; undefined if it is not sent. Then the author knows. */
  #check(session: Session, line: string, options: LineOptions): string | undefined {
    const { delivery, settings: { maxLine, maxLines } } = this.#state;
    const { id } = options;
    // A UTF-16 unit has at most three bytes, so a short line need not be measured.
    if (maxLine > 0 && line.length * 3 > maxLine && byteLength(line) > maxLine) {
      delivery.reply(session, "too-long", { max: `${maxLine}` }, id);
      return undefined;
    }
    if (!line.includes("\n")) return this.#visible(session, neutralise(line), options);
    const lines = linesOf(line);
    if (maxLines > 0 && lines.length > maxLines) {
      delivery.reply(session, "too-many-lines", { max: `${maxLines}` }, id);
      return undefined;
    }
    return this.#visible(session, lines.map(neutralise).join("\n"), options);
  }

  /** Returns a text that has something to see, or files. */
  #visible(session: Session, text: string, { id, files }: LineOptions): string | undefined {
    if (!isBlank(text) || (files !== undefined && files.length > 0)) return text;
    // A line with an id gets an answer. An empty line in a terminal is ignored.
    if (id !== undefined) this.#state.delivery.reply(session, "blank", {}, id);
    return undefined;
  }

  #command(session: Session, command: string, rest: string, options: LineOptions): void {
    const { delivery } = this.#state;
    const { id } = options;
    switch (command) {
      case "help":
        return delivery.reply(session, "help", {}, id);
      case "who":
        return this.#who(session, options);
      case "rooms":
        return this.#listRooms(session, id);
      case "me":
        if (isBlank(rest)) return delivery.reply(session, "usage-me", {}, id);
        return this.#post(session, rest, true, options);
      case "msg":
        return this.#message(session, rest, options);
      case "nick":
        return this.#presence.rename(session, rest, id);
      case "join":
        return this.#presence.move(session, rest, id);
      case "leave":
        return this.#presence.leaveRoom(session, rest, id);
      case "search":
        return this.#search(session, rest, id);
      case "quit":
        return this.#presence.end(session, "quit", "quit");
      default:
        return delivery.reply(session, "unknown-command", { command: `/${command}` }, id);
    }
  }

  /** Posts a text where the face wants it. */
  #post(session: Session, text: string, action: boolean, options: LineOptions): void {
    if (options.peer !== undefined) {
      return void this.#postToPeer(session, options.peer, { text, action, options });
    }
    const home = this.#homeOf(session, options);
    if (home === undefined) return;
    const { id, room } = options;
    const content = contentOf(text, action, options, home.name);
    this.#stage({ id, room, session, home }, home.key, content);
  }

  /** Returns the room of a line. Without it, the line is handed back and posted nowhere. */
  #homeOf(session: Session, options: LineOptions): Room<Session> | undefined {
    const { room: given = session.astray } = options;
    const home = given === undefined ? session.current : session.rooms.get(roomKey(given));
    if (home === undefined) {
      const room = withoutHash(given!);
      this.#state.delivery.refuse(session, "not-in-room", { ...options, room: given }, { room });
    }
    return home;
  }

  /** Runs `/msg`. */
  #message(session: Session, rest: string, options: LineOptions): void {
    const { delivery, sessions } = this.#state;
    const [, name = "", text = ""] = /^(\S*)\s*(.*)$/s.exec(rest)!;
    if (isBlank(text)) return delivery.reply(session, "usage-msg", {}, options.id);
    const to = sessions.named(nameKey(name));
    // A user without an id has not joined yet.
    if (to === undefined || to.user === 0) {
      return delivery.reply(session, "no-such-user", { name }, options.id);
    }
    this.#stagePrivate(session, to, contentOf(text, false, options), options);
  }

  async #postToPeer(
    session: Session,
    peer: string,
    { text, action, options }: { text: string; action: boolean; options: LineOptions },
  ): Promise<void> {
    const user = /^[1-9]\d{0,14}$/.test(peer) ? Number(peer) : 0;
    const { sessions, delivery } = this.#state;
    const to = sessions.ofUser(user) ?? await this.#state.peer(user).catch(() => undefined);
    if (to === undefined) return delivery.refuse(session, "no-such-peer", options);
    this.#stagePrivate(session, to, contentOf(text, action, options), options);
  }

  #stagePrivate(session: Session, to: Peer, content: Content, options: LineOptions): void {
    const { user, name } = to;
    const author = { id: options.id, peer: options.peer, session, to: { user, name } };
    this.#stage(author, conversationKey(session.user, user), content);
  }

  /** Changes a message that the user can see. */
  async #change(
    session: Session,
    change: Content & { target: number },
    id?: number,
  ): Promise<void> {
    const { archive, delivery } = this.#state;
    try {
      const message = await archive.message(change.target);
      const place = message && await this.#placeOf(session, message.room);
      if (place === undefined) return delivery.refuse(session, "no-such-message", { id });
      if (this.#state.isOpen(session)) {
        this.#stage({ id, session, ...place }, message!.room, change);
      }
    } catch (error) {
      this.#state.report({ type: "not-readable", reason: reasonOf(error) });
      delivery.refuse(session, "not-readable", { id });
    }
  }

  /** Returns the destination of changes; undefined if the user may not see the messages there. */
  async #placeOf(session: Session, key: string): Promise<Pick<Author, "home" | "to"> | undefined> {
    const pair = conversationUsers(key);
    if (pair === undefined) {
      const home = session.rooms.get(key);
      return home && { home };
    }
    if (!pair.includes(session.user)) return undefined;
    const user = pair[0] === session.user ? pair[1] : pair[0];
    return { to: await this.#state.peer(user) ?? { user, name: `${user}` } };
  }

  #stage(author: Author, room: string, content: Content): void {
    const { session, id } = author;
    const { user, name } = session;
    const at = this.#state.settings.now();
    // The content is new, so it becomes the entry. This is cheaper than a copy of each line.
    const entry = Object.assign(content, { seq: 0, at, room, user, name }) as Draft<
      Author
    >["entry"];
    if (id !== undefined) Object.assign(entry, { line: `${id}` });
    const { shared } = this.#state;
    if (shared !== undefined) Object.assign(entry, { tenure: shared.tenure(user) });
    const size = 100 + ("text" in content ? content.text.length : 0);
    this.#state.ledger.stage({ author, entry, size });
  }

  /** Tells the two users of a private conversation. */
  #tellPair(session: Session, to: Peer, stored: StoredEvent, id?: number): void {
    const { delivery, sessions } = this.#state;
    const other = sessions.ofUser(to.user);
    if (other !== undefined && other !== session) {
      delivery.deliver(other, privateEvent(stored, other.name, session), false);
    }
    this.#state.settings.onStep("confirm");
    delivery.deliver(session, privateEvent(stored, session.name, other ?? to), true);
    if (other?.face === undefined && stored.kind === "message") {
      delivery.reply(session, "away", { name: to.name }, id);
    }
  }

  /** Tells the author alone. */
  #confirm(session: Session, { home, to }: Author, stored: StoredEvent): void {
    const event = to === undefined
      ? roomEvent(stored, home!.name)
      : privateEvent(stored, session.name, to);
    this.#state.delivery.deliver(session, event, true);
  }

  #who(session: Session, options: LineOptions): void {
    const home = this.#homeOf(session, options);
    if (home === undefined) return;
    const names = [...home.members].map((other) => other.name);
    const params = { room: home.name, count: `${names.length}`, names: enumerate(names) };
    this.#state.delivery.reply(session, "who", params, options.id);
  }

  #listRooms(session: Session, id?: number): void {
    const rooms = this.#state.rooms.summary().map(({ name, count }) => `#${name} (${count})`);
    this.#state.delivery.reply(session, "rooms", { rooms: enumerate(rooms) }, id);
  }
}

/**
 * Returns the lines of a text, without empty lines at the end. A lone CR ends no line: in a terminal,
 * it would move the cursor to the name.
 */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  while (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines;
}

/** Returns the content of a message. */
function contentOf(
  text: string,
  action: boolean,
  { reply, files, trace }: LineOptions,
  roomName = "",
): Content<MessageEntry> {
  const content: Content<MessageEntry> = { kind: "message", text, action, roomName };
  if (reply === undefined && files === undefined && trace === undefined) return content;
  return {
    ...content,
    ...reply !== undefined && { reply },
    ...files !== undefined && { files },
    ...trace !== undefined && { trace },
  };
}
