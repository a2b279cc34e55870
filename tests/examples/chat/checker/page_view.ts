/**
 * The memory of a careful page: what it knows, what it asks for when it returns, and what it shows. It
 * never hides a fault of the server: a line is ignored only if the page has asked to get it again. Pure.
 *
 * @module
 */

import { type Observation, type Place, privatePlace } from "./observations.ts";

/** A message from the server. */
export type Incoming = Readonly<Record<string, unknown>> & { readonly type: string };

/** A message to the server. */
export type Outgoing = Readonly<Record<string, unknown>> & { readonly type: string };

/** A line that waits for its confirmation. */
interface Pending {
  readonly key: string;
  readonly message: Outgoing;
}

/** The text that marks a line with its key. */
const KEY = /«([\w-]+)»/;

/** Returns the key of a text; undefined if it has none. */
export function keyOf(text: string): string | undefined {
  return KEY.exec(text)?.[1];
}

/** Returns a text with a key. */
export function textWith(key: string, text: string): string {
  return `«${key}» ${text}`;
}

/** A page with its rooms. */
export class PageView {
  readonly name: string;
  readonly observations: Observation[] = [];
  /** The id of the user; undefined before the first welcome. */
  user: number | undefined;
  readonly #partners: readonly string[];
  #token: string | undefined;
  #epoch: string | undefined;
  /** The number up to which the page has everything, by place. Private lines have one number in all. */
  /** The names of the rooms, without `#`: those that the page may see. */
  #rooms: string[];
  /** The rooms that the page has asked to leave, on this connection. */
  readonly #leaving = new Set<string>();
  readonly #marks = new Map<Place, number>();
  #privateMark = 0;
  /** The number that the page named when it returned, and its private mark then. */
  #asked = { since: 0, private: 0 };
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  /** Makes a page that has seen nothing. `partners` are the names with which it may speak privately. */
  constructor(name: string, rooms: readonly string[], partners: readonly string[] = []) {
    this.name = name;
    this.#rooms = [...rooms];
    this.#partners = partners;
    for (const room of rooms) this.#note({ type: "entered", place: `#${room}` });
    for (const partner of partners) {
      this.#note({ type: "reset", place: privatePlace(name, partner), from: 0 });
    }
  }

  /** The number of lines that are neither confirmed nor refused. */
  get pending(): number {
    return this.#pending.size;
  }

  /** The keys of these lines. */
  get pendingKeys(): readonly string[] {
    return Array.from(this.#pending.values(), ({ key }) => key);
  }

  /** The names of the rooms, without `#`. */
  get rooms(): readonly string[] {
    return this.#rooms;
  }

  /** The rooms that the page does not leave. */
  get staying(): readonly string[] {
    return this.#rooms.filter((room) => !this.#leaving.has(room));
  }

  /** Asks to be in one more room, and returns the message to send. */
  enter(room: string): Outgoing {
    if (!this.#rooms.includes(room)) {
      this.#rooms.push(room);
      this.#note({ type: "entered", place: `#${room}` });
    }
    return { type: "say", text: `/join #${room}` };
  }

  /** Returns the message with which the page leaves a room. It is there until the server agrees. */
  leave(room: string): Outgoing {
    this.#leaving.add(room);
    return { type: "leave", room };
  }

  /** Returns the first message of a connection. */
  join(): Outgoing {
    this.#leaving.clear();
    const [room, ...rooms] = this.#rooms;
    const known = this.#rooms.filter((one) => this.#marks.has(`#${one}`));
    const since = Math.min(this.#privateMark, ...known.map((one) => this.#marks.get(`#${one}`)!));
    this.#asked = { since: known.length > 0 ? since : 0, private: this.#privateMark };
    return {
      type: "join",
      name: this.name,
      room,
      rooms,
      lang: "en",
      ...this.#token !== undefined && { token: this.#token },
      ...known.length > 0 && { since: { epoch: this.#epoch, seq: since, rooms: known } },
    };
  }

  /** Writes a line to a room, and returns the message to send. */
  say(key: string, text: string, room: string): Outgoing {
    return this.#write(key, `#${room}`, { text: textWith(key, text), room });
  }

  /** Writes a private line to the user with an id, and returns the message to send. */
  tell(key: string, text: string, to: { name: string; user: number }): Outgoing {
    const place = privatePlace(this.name, to.name);
    return this.#write(key, place, { text: textWith(key, text), peer: `${to.user}` });
  }

  /** Writes a private line as a command, and returns the message to send. */
  whisper(key: string, text: string, to: string): Outgoing {
    const place = privatePlace(this.name, to);
    const room = this.rooms[0];
    return this.#write(key, place, { text: `/msg ${to} ${textWith(key, text)}`, room });
  }

  #write(key: string, place: Place, fields: object): Outgoing {
    this.#note({ type: "sent", key, place });
    const id = this.#nextId++;
    const message = { type: "say", id, ...fields };
    this.#pending.set(id, { key, message });
    return message;
  }

  /** Returns the lines to send again on a new connection, in their order. */
  unconfirmed(): Outgoing[] {
    return [...this.#pending.values()].map(({ message }) => message);
  }

  /** Takes a message from the server. */
  receive(message: Incoming): void {
    switch (message.type) {
      case "welcome":
        return this.#welcome(message as unknown as Welcome);
      case "message":
        return this.#message(message as unknown as Line);
      case "private":
        return this.#private(message as unknown as PrivateLine);
      case "edit":
      case "delete":
      case "reaction":
        return this.#live((message as unknown as { seq: number }).seq);
      case "notice":
        return this.#notice(message);
      case "error":
      case "reply":
        return this.#refused(message);
    }
  }

  /** Notes the whole history of a place, as the server has answered. */
  read(place: Place, events: readonly Incoming[]): void {
    const lines = events.filter(({ type }) => type === "message" || type === "private");
    this.#note({
      type: "read",
      place,
      lines: (lines as unknown as Line[]).map(({ seq, text }) => ({
        seq,
        key: keyOf(text) ?? text,
      })),
    });
  }

  #welcome({ room, epoch, user, token, events, complete, more, seq, gap }: Welcome): void {
    const place = `#${room}`;
    const mark = this.#marks.get(place);
    const goesOn = complete && mark !== undefined && epoch === this.#epoch;
    const isFirst = this.user === undefined;
    this.#token = token;
    this.#epoch = epoch;
    this.user = user;
    if (!goesOn) {
      const from = more ? events[0]?.seq ?? seq + 1 : 0;
      this.#note({ type: "reset", place, from, upTo: seq });
    }
    for (const event of events) {
      if (event.type !== "message") continue;
      // The page has named the lowest of its numbers, so it gets some lines again.
      const again = goesOn && event.seq <= mark && event.seq > this.#asked.since;
      if (!again) this.#show(place, event);
    }
    this.#marks.set(place, Math.max(seq, mark ?? 0));
    if (gap) {
      for (const partner of this.#partners) {
        const place = privatePlace(this.name, partner);
        this.#note({ type: "reset", place, from: seq + 1, gap });
      }
    }
    // The first welcome of all: private lines before it are not the page's concern.
    if (isFirst) this.#privateMark = seq;
  }

  #message(line: Line): void {
    const place = `#${line.room}`;
    const mark = this.#marks.get(place) ?? 0;
    if (line.own) this.#confirm(line);
    // A line that was sent again is confirmed with its old number, and was in the welcome.
    if (!line.own || line.seq > mark) this.#show(place, line);
    this.#live(line.seq);
  }

  #private(line: PrivateLine): void {
    if (line.own) this.#confirm(line);
    const { since, private: before } = this.#asked;
    const again = line.own ? line.seq <= this.#privateMark : line.seq > since && line.seq <= before;
    if (!again) this.#show(privatePlace(line.from, line.to), line);
    this.#privateMark = Math.max(this.#privateMark, line.seq);
  }

  /** A new event: the server has sent everything before it. */
  #live(seq: number): void {
    if (seq <= Math.max(...this.#marks.values(), this.#privateMark)) return;
    for (const place of this.#marks.keys()) this.#marks.set(place, seq);
    this.#privateMark = seq;
  }

  /** Notes that the page itself is no longer in a room. */
  #notice({ code, room, user }: Incoming): void {
    if (code !== "left" || user !== this.user) return;
    this.#rooms = this.#rooms.filter((one) => one !== room);
    this.#leaving.delete(room as string);
    this.#marks.delete(`#${room}`);
    this.#note({ type: "left", place: `#${room}` });
  }

  #confirm({ id, seq }: Line): void {
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id!);
    this.#note({ type: "confirmed", key: pending.key, seq });
  }

  #refused({ id, code }: Incoming): void {
    const pending = typeof id === "number" ? this.#pending.get(id) : undefined;
    // The answer "away" says that a private line waits for its recipient.
    if (pending === undefined || code === "away") return;
    this.#pending.delete(id as number);
    this.#note({ type: "refused", key: pending.key, code: String(code) });
  }

  #show(place: Place, { seq, text }: Line): void {
    this.#note({ type: "shown", place, key: keyOf(text) ?? text, seq });
  }

  #note(observation: Observation): void {
    this.observations.push(observation);
  }
}

/** The fields of a message that a page reads. */
interface Line {
  readonly type: string;
  readonly seq: number;
  readonly room: string;
  readonly text: string;
  readonly own?: boolean;
  readonly id?: number;
}

/** The fields of a private message. */
interface PrivateLine extends Line {
  readonly from: string;
  readonly to: string;
}

/** The fields of a welcome. */
interface Welcome {
  readonly room: string;
  readonly epoch: string;
  readonly user: number;
  readonly token: string;
  readonly events: readonly Line[];
  readonly complete: boolean;
  readonly more: boolean;
  readonly seq: number;
  readonly gap?: true;
}
