import { writeFully } from "../../net/internal/local_files.ts";
import { lowerAscii, trimBlanks } from "../../net/text.ts";
import { ProblemError } from "../problem.ts";
import { Collector } from "./_body_collector.ts";
import { checkSize, type Events } from "./_form_source.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A field or a file of a form. Its content can be read once, before the next part is read. */
export interface FormPart {
  /** The name of the field. */
  readonly name: string;
  /**
   * The name of the file as the client sends it; undefined for a field. It may contain a path or any
   * other text, so do not use it as a path.
   */
  readonly filename: string | undefined;
  /** The media type of a file; "text/plain" if the client sends none. */
  readonly type: string;
  /** The content as it arrives. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Reads the content as text in UTF-8. */
  text(): Promise<string>;
  /** Reads the content. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Writes the content to a new file. If that fails, the file is removed.
   *
   * @param path The path of the file, which must not exist yet.
   * @returns The size of the file in bytes.
   */
  save(path: string | URL): Promise<number>;
}

/** The name and the media type of a part. */
export interface PartHead {
  readonly name: string;
  readonly filename: string | undefined;
  readonly type: string;
}

/** Reads the fields of a part (RFC 7578 §4.2). */
export function partOf(fields: ReadonlyMap<string, string>): PartHead {
  const { value, parameters } = parseDisposition(fields.get("content-disposition") ?? "");
  const name = parameters.get("name");
  if (value !== "form-data" || name === undefined) {
    throw new ProblemError(400, { detail: "A part of the form has no name" });
  }
  const coding = lowerAscii(fields.get("content-transfer-encoding") ?? "binary");
  if (!["7bit", "8bit", "binary"].includes(coding)) {
    throw new ProblemError(400, { detail: "A part of the form has a transfer encoding" });
  }
  return {
    name,
    filename: parameters.get("filename"),
    type: fields.get("content-type") ?? "text/plain",
  };
}

/**
 * Reads `Content-Disposition`. Unlike in other fields, a backslash escapes only a quote or another
 * backslash, because browsers send `C:\a.txt` without escapes. For the same reason, a backslash can be the
 * last character of a value.
 */
function parseDisposition(field: string) {
  const parameters = new Map<string, string>();
  const semicolon = field.indexOf(";");
  const value = semicolon === -1 ? field : field.slice(0, semicolon);
  const pattern =
    /;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"(?=[ \t]*(?:;|$))|"([^"]*)"|([^"; \t]*))[ \t]*/y;
  pattern.lastIndex = semicolon === -1 ? field.length : semicolon;
  for (let match; (match = pattern.exec(field)) !== null;) {
    const name = lowerAscii(match[1]!);
    if (parameters.has(name)) continue;
    const [, , escaped, raw, token] = match;
    parameters.set(name, escaped?.replace(/\\(["\\])/g, "$1") ?? raw ?? token!);
  }
  return { value: lowerAscii(trimBlanks(value)), parameters };
}

/** The content of a part, independent of its source. */
abstract class Part implements FormPart {
  readonly name: string;
  readonly filename: string | undefined;
  readonly type: string;

  constructor({ name, filename, type }: PartHead) {
    this.name = name;
    this.filename = filename;
    this.type = type;
  }

  /** Returns the next bytes, or undefined at the end of the part. */
  protected abstract pull(): Promise<Bytes | undefined>;

  get body(): ReadableStream<Bytes> {
    return new ReadableStream<Bytes>({
      pull: async (controller) => {
        const bytes = await this.pull();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      },
    }, { highWaterMark: 0 });
  }

  async bytes(): Promise<Bytes> {
    const collector = new Collector();
    for (let bytes; (bytes = await this.pull()) !== undefined;) collector.add(bytes);
    return collector.bytes();
  }

  async text(): Promise<string> {
    // U+FEFF is a character of a field, and the byte order mark of a file.
    const ignoreBOM = this.filename === undefined;
    return new TextDecoder("utf-8", { ignoreBOM }).decode(await this.bytes());
  }

  async save(path: string | URL): Promise<number> {
    const file = await Deno.open(path, { write: true, createNew: true });
    let size = 0;
    try {
      for (let bytes; (bytes = await this.pull()) !== undefined;) {
        await writeFully(file, bytes);
        size += bytes.length;
      }
    } catch (error) {
      file.close();
      await Deno.remove(path);
      throw error;
    }
    file.close();
    return size;
  }
}

/** A part of a multipart form. */
export class MultipartPart extends Part {
  readonly #events: Events;
  readonly #limit: number;
  #size = 0;
  #ended = false;
  #skipped = false;

  constructor(
    head: PartHead,
    events: Events,
    limits: { readonly maxFieldSize: number; readonly maxFileSize: number },
  ) {
    super(head);
    this.#events = events;
    this.#limit = head.filename === undefined ? limits.maxFieldSize : limits.maxFileSize;
  }

  /** Skips the unread content. */
  async skip(): Promise<void> {
    if (this.#ended) return;
    this.#skipped = true;
    while ((await this.#events.next()).kind === "data");
  }

  protected override async pull(): Promise<Bytes | undefined> {
    if (this.#ended) return undefined;
    if (this.#skipped) {
      throw new TypeError("Cannot read a part of a form after the next one was asked for");
    }
    const event = await this.#events.next();
    if (event.kind !== "data") {
      this.#ended = true;
      return undefined;
    }
    this.#size += event.bytes.length;
    checkSize(this.name, this.#size, this.#limit);
    // The parser reuses the memory of its bytes.
    return event.bytes.slice();
  }
}

/** A field of a form in the URL encoding. */
export class Field extends Part {
  #value: Bytes | undefined;

  constructor(name: string, value: Bytes) {
    super({ name, filename: undefined, type: "text/plain" });
    this.#value = value;
  }

  protected override pull(): Promise<Bytes | undefined> {
    const value = this.#value;
    this.#value = undefined;
    return Promise.resolve(value);
  }
}
