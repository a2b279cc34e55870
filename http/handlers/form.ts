/**
 * Forms that a client sends, `multipart/form-data` (RFC 7578) or `application/x-www-form-urlencoded`,
 * read as a stream and within limits. {@linkcode readForm} reads a whole form,
 * {@linkcode formParts} gives its parts one by one, so that a file of any size goes to disk.
 *
 * @example A form with a file
 * ```ts
 * import { readForm } from "@portside/kit/http/form";
 * import { json } from "@portside/kit/http/json";
 * import { serveHttp } from "@portside/kit/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serveHttp({}, async (request) => {
 *   const form = await readForm(request, { maxFileSize: 1024 });
 *   const file = form.get("picture") as File;
 *   return json({ title: form.get("title"), name: file.name, size: file.size });
 * });
 * const body = new FormData();
 * body.append("title", "Harbour");
 * body.append("picture", new File(["..."], "harbour.jpg"));
 * const response = await fetch(server.url, { method: "POST", body });
 * assertEquals(await response.json(), { title: "Harbour", name: "harbour.jpg", size: 3 });
 * ```
 *
 * **Permissions**: none; `--allow-write` for {@linkcode FormPart.save}.
 * Source: RFC 7578, RFC 2046 §5.1; the form encoding of the URL Standard.
 *
 * @module
 */

import { lowerAscii, trimBlanks } from "../../net/text.ts";
import { checkNotCompressed, Collector } from "./_collect.ts";
import { essenceOf } from "../internal/content_type.ts";
import { MultipartError, MultipartParser } from "./_multipart_parser.ts";
import { checkCount } from "../internal/option_defaults.ts";
import { parseParameters } from "../header_list.ts";
import { ProblemError } from "../problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Limits of a form. Sizes are in bytes. Infinity lifts a limit. */
export interface FormLimits {
  /**
   * The largest body, with all that is around the values.
   *
   * @default 10485760
   */
  maxSize?: number;
  /**
   * The most fields and files together.
   *
   * @default 1000
   */
  maxParts?: number;
  /**
   * The largest value of a field.
   *
   * @default 1048576
   */
  maxFieldSize?: number;
  /**
   * The largest file.
   *
   * @default Infinity (`maxSize` holds)
   */
  maxFileSize?: number;
}

/** Options of {@linkcode readForm}. */
export interface ReadFormOptions extends FormLimits {
  /**
   * Takes each file while it arrives, for example `(part) => part.save(path)`. Files are not in the
   * form then.
   *
   * @default undefined (files are kept in memory)
   */
  onFile?: (part: FormPart) => void | Promise<void>;
}

/** One field or file of a form. Its content can be read once, before the next part is asked for. */
export interface FormPart {
  /** The name of the field. */
  readonly name: string;
  /**
   * The name of the file as the client gives it, undefined for a field. It may hold a path or
   * anything else: do not use it as a path.
   */
  readonly filename: string | undefined;
  /** The media type: that of a file, "text/plain" where there is none. */
  readonly type: string;
  /** The content as it arrives. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Reads the content as text in UTF-8. */
  text(): Promise<string>;
  /** Reads the content. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Writes the content to a new file. A file that could not be written whole is removed.
   *
   * @param path The path, which must not exist yet.
   * @returns The size in bytes.
   */
  save(path: string | URL): Promise<number>;
}

const MULTIPART = "multipart/form-data";
const URLENCODED = "application/x-www-form-urlencoded";
/** The most bytes of the fields in front of one part. */
const MAX_PART_HEAD = 16 * 1024;

/**
 * Reads a form into memory.
 *
 * @param request The request; its body is used up.
 * @param options The limits, and what becomes of files.
 * @returns The form. Fields are strings, files are of class `File`.
 * @throws {ProblemError} Status 415 for another media type, 413 beyond a limit, 400 for a form that
 * is malformed or truncated.
 * @throws {RangeError} If a limit is out of range.
 *
 * @example Fields of a page's form
 * ```ts
 * import { readForm } from "@portside/kit/http/form";
 * import { assertEquals } from "@std/assert";
 *
 * const request = new Request("http://localhost/", {
 *   method: "POST",
 *   body: new URLSearchParams({ name: "ada", city: "Ålesund" }),
 * });
 * const form = await readForm(request);
 * assertEquals(form.get("city"), "Ålesund");
 * ```
 */
export async function readForm(request: Request, options: ReadFormOptions = {}): Promise<FormData> {
  const form = new FormData();
  for await (const part of formParts(request, options)) {
    if (part.filename === undefined) form.append(part.name, await part.text());
    else if (options.onFile !== undefined) await options.onFile(part);
    else {
      form.append(part.name, new File([await part.bytes()], part.filename, { type: part.type }));
    }
  }
  return form;
}

/**
 * Reads a form part by part. What is left of a part is skipped when the next one is asked for.
 *
 * @param request The request; its body is used up.
 * @param limits The limits.
 * @returns The parts, in order.
 * @throws {ProblemError} As {@linkcode readForm} does, also from the content of a part.
 * @throws {RangeError} If a limit is out of range.
 *
 * @example Count the bytes of each file
 * ```ts
 * import { formParts } from "@portside/kit/http/form";
 * import { assertEquals } from "@std/assert";
 *
 * const body = new FormData();
 * body.append("a", new File(["12345"], "a.txt"));
 * const request = new Request("http://localhost/", { method: "POST", body });
 * const sizes: number[] = [];
 * for await (const part of formParts(request)) sizes.push((await part.bytes()).length);
 * assertEquals(sizes, [5]);
 * ```
 */
export function formParts(request: Request, limits: FormLimits = {}): AsyncIterable<FormPart> {
  const checked = {
    maxSize: checkCount("maxSize", limits.maxSize, 10 * 1024 * 1024),
    maxParts: checkCount("maxParts", limits.maxParts, 1000),
    maxFieldSize: checkCount("maxFieldSize", limits.maxFieldSize, 1024 * 1024),
    maxFileSize: checkCount("maxFileSize", limits.maxFileSize, Infinity),
  };
  return read(request, checked);
}

async function* read(request: Request, limits: Required<FormLimits>): AsyncGenerator<FormPart> {
  checkNotCompressed(request);
  const contentType = request.headers.get("content-type");
  const type = essenceOf(contentType);
  if (type === MULTIPART) {
    const boundary = boundaryOf(contentType!);
    if (boundary === undefined) {
      throw new ProblemError(400, { detail: "The multipart form names no valid boundary" });
    }
    yield* multipart(new Source(request, limits.maxSize), boundary, limits);
  } else if (type === URLENCODED) {
    yield* urlencoded(new Source(request, limits.maxSize), limits);
  } else {
    throw new ProblemError(415, {
      detail: `The body must be a form: send ${MULTIPART} or ${URLENCODED}`,
      headers: { accept: `${MULTIPART}, ${URLENCODED}` },
    });
  }
}

/** The boundary of RFC 2046 §5.1.1. */
function boundaryOf(contentType: string): string | undefined {
  const boundary = parseParameters(contentType).parameters.get("boundary");
  const valid = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;
  return boundary !== undefined && valid.test(boundary) ? boundary : undefined;
}

/** The body of a request, counted. */
class Source {
  readonly #reader: ReadableStreamDefaultReader<Bytes> | undefined;
  readonly #maxSize: number;
  #size = 0;

  constructor(request: Request, maxSize: number) {
    this.#reader = (request.body as ReadableStream<Bytes> | null)?.getReader();
    this.#maxSize = maxSize;
  }

  /** Returns the next bytes, or undefined at the end. */
  async next(): Promise<Bytes | undefined> {
    const read = await this.#reader?.read();
    if (read === undefined || read.done) return undefined;
    this.#size += read.value.length;
    if (this.#size > this.#maxSize) throw tooLarge(`The form has more than ${this.#maxSize} bytes`);
    return read.value;
  }

  /** Gives up the rest. */
  async close(): Promise<void> {
    await this.#reader?.cancel().catch(() => {});
  }
}

async function* multipart(
  source: Source,
  boundary: string,
  limits: Required<FormLimits>,
): AsyncGenerator<FormPart> {
  const { maxParts } = limits;
  const parser = new MultipartParser(boundary, { maxPartHead: MAX_PART_HEAD, maxParts });
  const events = new Events(parser, source);
  try {
    for (;;) {
      const event = await events.next();
      if (event.kind !== "part") return;
      const part = new MultipartPart(partOf(event.fields), events, limits);
      yield part;
      await part.skip();
    }
  } finally {
    await source.close();
  }
}

/** The events of a parser, fed from a body. */
class Events {
  readonly #parser: MultipartParser;
  readonly #source: Source;

  constructor(parser: MultipartParser, source: Source) {
    this.#parser = parser;
    this.#source = source;
  }

  async next() {
    try {
      for (;;) {
        const event = this.#parser.next();
        if (event !== undefined) return event;
        const bytes = await this.#source.next();
        if (bytes === undefined) this.#parser.finish();
        else this.#parser.push(bytes);
      }
    } catch (error) {
      if (!(error instanceof MultipartError)) throw error;
      throw new ProblemError(error.status, { detail: error.message });
    }
  }
}

interface PartHead {
  readonly name: string;
  readonly filename: string | undefined;
  readonly type: string;
}

/** Reads the fields of a part (RFC 7578 §4.2). */
function partOf(fields: ReadonlyMap<string, string>): PartHead {
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
 * Reads `Content-Disposition`. Unlike other fields, a backslash is itself unless a quote or another
 * backslash follows: browsers send `C:\a.txt` so.
 */
function parseDisposition(field: string) {
  const parameters = new Map<string, string>();
  const semicolon = field.indexOf(";");
  const value = semicolon === -1 ? field : field.slice(0, semicolon);
  const pattern = /;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^"; \t]*))[ \t]*/y;
  pattern.lastIndex = semicolon === -1 ? field.length : semicolon;
  for (let match; (match = pattern.exec(field)) !== null;) {
    const name = lowerAscii(match[1]!);
    if (parameters.has(name)) continue;
    parameters.set(name, match[3] ?? match[2]!.replace(/\\(["\\])/g, "$1"));
  }
  return { value: lowerAscii(trimBlanks(value)), parameters };
}

/** The content of a part, from wherever it comes. */
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
    return new TextDecoder().decode(await this.bytes());
  }

  async save(path: string | URL): Promise<number> {
    const file = await Deno.open(path, { write: true, createNew: true });
    let size = 0;
    try {
      for (let bytes; (bytes = await this.pull()) !== undefined;) {
        for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
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

class MultipartPart extends Part {
  readonly #events: Events;
  readonly #limit: number;
  #size = 0;
  #ended = false;
  #skipped = false;

  constructor(head: PartHead, events: Events, limits: Required<FormLimits>) {
    super(head);
    this.#events = events;
    this.#limit = head.filename === undefined ? limits.maxFieldSize : limits.maxFileSize;
  }

  /** Skips what nobody has read. */
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
    // The parser lends its bytes.
    return event.bytes.slice();
  }
}

class Field extends Part {
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

async function* urlencoded(source: Source, limits: Required<FormLimits>): AsyncGenerator<FormPart> {
  const collector = new Collector();
  let fields = 1;
  try {
    for (let bytes; (bytes = await source.next()) !== undefined;) {
      // Counted before anything is made of them.
      for (let at = bytes.indexOf(AMPERSAND); at !== -1; at = bytes.indexOf(AMPERSAND, at + 1)) {
        fields++;
        if (fields > limits.maxParts + 1) {
          throw tooLarge(`The form has more than ${limits.maxParts} fields`);
        }
      }
      collector.add(bytes);
    }
  } finally {
    await source.close();
  }
  const text = new TextDecoder().decode(collector.bytes());
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > limits.maxParts) {
      throw tooLarge(`The form has more than ${limits.maxParts} fields`);
    }
    const bytes = new TextEncoder().encode(value);
    checkSize(name, bytes.length, limits.maxFieldSize);
    yield new Field(name, bytes);
  }
}

const AMPERSAND = 0x26;

function checkSize(name: string, size: number, limit: number): void {
  if (size > limit) throw tooLarge(`${JSON.stringify(name)} has more than ${limit} bytes`);
}

function tooLarge(detail: string): ProblemError {
  return new ProblemError(413, { detail, headers: { connection: "close" } });
}
