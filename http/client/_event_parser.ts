/** A parsed event. */
export interface ParsedEvent {
  readonly event: string;
  readonly data: string;
}

/** Thrown for an event that is too large. */
export class EventTooLarge extends Error {}

const LINE_END = /\r\n|[\r\n]/g;

/**
 * Parses server-sent events (HTML standard §9.2.6). The parser of @std/http does not fit: it also returns
 * an event that the end of the stream has truncated, and does not limit the length of lines.
 */
export class EventParser {
  /** The ID of the last event, for `Last-Event-ID`. */
  lastEventId: string;
  /** The wait before a new connection in milliseconds, if the server has set it. */
  retry: number | undefined;
  readonly #max: number;
  #id: string;
  #event = "";
  #data: string[] = [];
  /** The size of the event in progress. */
  #size = 0;
  #line = "";
  #afterCr = false;

  /**
   * Makes a parser.
   *
   * @param max The largest size of an event in UTF-16 units.
   * @param lastEventId The ID of the last event of an earlier run.
   */
  constructor(max: number, lastEventId: string) {
    this.#max = max;
    this.lastEventId = this.#id = lastEventId;
  }

  /** Prepares for a new connection. An incomplete event is dropped, because the server repeats it. */
  reset(): void {
    this.#id = this.lastEventId;
    this.#event = this.#line = "";
    this.#data = [];
    this.#size = 0;
    this.#afterCr = false;
  }

  /** Parses text and yields the events that end in it. Throws for an event that is too large. */
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
        // Another parser may use the same expression between two events.
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
