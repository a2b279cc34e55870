/**
 * Reading of forms, `multipart/form-data` (RFC 7578) and `application/x-www-form-urlencoded`, as a
 * stream and within limits. {@linkcode readForm} reads a whole form. {@linkcode formParts} returns its
 * parts one by one, so that a file of any size can be written to disk.
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

import { callback, count, OptionRules } from "../../net/internal/options.ts";
import { aRequest, checkNotCompressed, Collector } from "./_body_collector.ts";
import { essenceOf } from "../internal/content_type.ts";
import { Field, type FormPart, MultipartPart, partOf } from "./_form_part.ts";
import { checkSize, Events, Source, tooLarge } from "./_form_source.ts";
import { MultipartParser } from "./_multipart_parser.ts";
import { parseParameters } from "../header_list.ts";
import { ProblemError } from "../problem.ts";

export type { FormPart } from "./_form_part.ts";

/** Limits of a form. Sizes are in bytes. Infinity lifts a limit. */
export interface FormLimits {
  /**
   * Maximum size of the body, with everything around the values.
   *
   * @default 10485760
   */
  maxSize?: number;
  /**
   * Maximum number of fields and files together.
   *
   * @default 1000
   */
  maxParts?: number;
  /**
   * Maximum size of the value of a field.
   *
   * @default 1048576
   */
  maxFieldSize?: number;
  /**
   * Maximum size of a file.
   *
   * @default Infinity (`maxSize` applies)
   */
  maxFileSize?: number;
}

/** Options of {@linkcode readForm}. */
export interface ReadFormOptions extends FormLimits {
  /**
   * Receives each file while it arrives, for example `(part) => part.save(path)`. The form does not
   * contain these files.
   *
   * @default undefined (files stay in memory)
   */
  onFile?: (part: FormPart) => void | Promise<void>;
}

const LIMITS = new OptionRules<FormLimits>({
  maxSize: count,
  maxParts: count,
  maxFieldSize: count,
  maxFileSize: count,
});

const READ_FORM = new OptionRules<ReadFormOptions>({ ...LIMITS.rules, onFile: callback });

const MULTIPART = "multipart/form-data";
const URLENCODED = "application/x-www-form-urlencoded";
/** Maximum size of the fields in front of one part, in bytes. */
const MAX_PART_HEAD = 16 * 1024;

/**
 * Reads a form into memory.
 *
 * @param request The request, whose body is read.
 * @param options The limits, and the receiver of files.
 * @returns The form. Fields are strings, and files have the class `File`.
 * @throws {ProblemError} Of status 415 for another media type, 413 beyond a limit, 400 for a malformed
 * or truncated form.
 * @throws {RangeError} If a limit is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 *
 * @example The fields of a form
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
  aRequest("request", request);
  options = READ_FORM.check("readForm", options);
  const { onFile, ...limits } = options;
  const form = new FormData();
  for await (const part of read(request, withDefaults(limits))) {
    if (part.filename === undefined) form.append(part.name, await part.text());
    else if (onFile !== undefined) await onFile(part);
    else {
      form.append(part.name, new File([await part.bytes()], part.filename, { type: part.type }));
    }
  }
  return form;
}

/**
 * Reads a form part by part. The unread rest of a part is skipped when the next part is read.
 *
 * @param request The request, whose body is read.
 * @param limits The limits of the form.
 * @returns The parts, in their order.
 * @throws {ProblemError} For the reasons of {@linkcode readForm}, also while the content of a part is
 * read.
 * @throws {RangeError} If a limit is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
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
  aRequest("request", request);
  limits = LIMITS.check("formParts", limits);
  return read(request, withDefaults(limits));
}

function withDefaults(limits: FormLimits): Required<FormLimits> {
  const { maxSize = 10 * 1024 * 1024, maxParts = 1000, maxFieldSize = 1024 * 1024 } = limits;
  return { maxSize, maxParts, maxFieldSize, maxFileSize: limits.maxFileSize ?? Infinity };
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

/** Returns the boundary (RFC 2046 §5.1.1), or undefined if it is missing or malformed. */
function boundaryOf(contentType: string): string | undefined {
  const boundary = parseParameters(contentType).parameters.get("boundary");
  const valid = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;
  return boundary !== undefined && valid.test(boundary) ? boundary : undefined;
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

async function* urlencoded(source: Source, limits: Required<FormLimits>): AsyncGenerator<FormPart> {
  const collector = new Collector();
  let fields = 1;
  try {
    for (let bytes; (bytes = await source.next()) !== undefined;) {
      // Count fields before decoding them.
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
