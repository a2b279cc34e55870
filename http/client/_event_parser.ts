/** One event, before its defaults are filled in. */
export interface ParsedEvent {
  readonly event: string;
  readonly data: string;
}

/** Thrown for an event that is too large. */
export class EventTooLarge extends Error {}

const LINE_END = /\r\n|[\r\n]/g;

/**
 * Reads server-sent events (HTML standard §9.2.6). That of @std/http was not
 * taken: it also gives an event that the end of the stream has cut off, and its
 * lines have no bound.
 */
export class EventParser {
  /** The identity of the last event, for `Last-Event-ID`. */
  lastEventId: string;
  /** How long to wait before a new connection, in milliseconds, if the server has said so. */
  retry: number | undefined;
  readonly #max: number;
  #id: string;
  #event = "";
  #data: string[] = [];
  /** How large the event is that has not ended yet. */
  #size = 0;
  #line = "";
  #afterCr = false;

  /** Begins; `max` is the largest event, in UTF-16 units. */
  constructor(max: number, lastEventId: string) {
    this.#max = max;
    this.lastEventId = this.#id = lastEventId;
  }

  /** A new connection: what had not ended is lost, for the server sends it again. */
  reset(): void {
    this.#id = this.lastEventId;
    this.#event = this.#line = "";
    this.#data = [];
    this.#size = 0;
    this.#afterCr = false;
  }

  /** Takes text; gives the events that end in it. Throws for one that is too large. */
  *push(text: string): Generator<ParsedEvent> {
    let at = this.#afterCr && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#afterCr = text.endsWith("\r");
    LINE_END.lastIndex = at;
    for (let match; (match = LINE_END.exec(text)) !== null;) {
      const line = this.#line + text.slice(at, match.index);
      at = match.index + match[0].length;
      this.#line = "";
      this.#grow(line.length);
      const event = this.#take(line);
      if (event !== undefined) {
        yield event;
        // Whoever takes events may use the same expression meanwhile.
        LINE_END.lastIndex = at;
      }
    }
    this.#line += text.slice(at);
    if (this.#size + this.#line.length > this.#max) this.#grow(this.#line.length);
  }

  #grow(size: number): void {
    this.#size += size;
    if (this.#size > this.#max) {
      throw new EventTooLarge(`an event has more than ${this.#max} characters`);
    }
  }

  #take(line: string): ParsedEvent | undefined {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    else if (name === "") this.#size -= line.length;
    return undefined;
  }

  #end(): ParsedEvent | undefined {
    this.lastEventId = this.#id;
    const [data, event] = [this.#data, this.#event];
    this.#data = [];
    this.#event = "";
    this.#size = 0;
    return data.length === 0
      ? undefined
      : { event: event === "" ? "message" : event, data: data.join("\n") };
  }
}
