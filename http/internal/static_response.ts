/**
 * Reads the body of a `Response` without a stream, if the response was made from text or bytes.
 *
 * The standard has no way to do this. `response.body` makes a stream, and a stream with its reader takes
 * more time than the rest of a small response. Deno keeps text and bytes unchanged in properties with
 * symbols as names. `probe` finds these symbols and checks their meaning. If the check fails,
 * {@linkcode staticBody} returns undefined for every response, and the caller reads the stream.
 */

import { ignoreFailure } from "../../net/internal/ignore_failure.ts";

/** Text, bytes, or null for no body. */
export type StaticBody = string | Uint8Array<ArrayBuffer> | null;

/** The state of a `Response` in Deno, by symbols. */
type Internals = Record<symbol, unknown>;

/** The holder of a body that is not plain text. */
interface Inner {
  readonly body: null | { readonly streamOrStatic: { body?: unknown; consumed?: unknown } };
}

interface Symbols {
  /** Holds an {@linkcode Inner}. */
  readonly inner: symbol;
  /** The text of a body that was made from text and is still unread; otherwise null. */
  readonly text: symbol;
  /** Whether a server has sent the text. */
  readonly consumed: symbol;
  /** 200 if the response has only a body and perhaps a content type; otherwise 0. */
  readonly plainStatus: symbol;
  /** The kind of the content type, see `Kinds`. */
  readonly plainKind: symbol;
  /** The content type, if the kind is `given`. */
  readonly plainType: symbol;
}

/** Values of `plainKind`. */
interface Kinds {
  readonly none: unknown;
  readonly text: unknown;
  readonly given: unknown;
}

const TEXT = "text/plain;charset=UTF-8";
const JSON_TYPE = "application/json";

let known: { readonly symbols: Symbols; readonly kinds: Kinds } | undefined;
let probed = false;

/**
 * Checks once whether responses can be read this way. Before, none is. A server calls it when it starts,
 * so that a program without a server does not spend time on it.
 *
 * @returns Whether responses can be read this way.
 */
export function prepareStaticBodies(): boolean {
  if (!probed) useStaticBodies(true);
  return known !== undefined;
}

/** Turns this module off or on, for tests that compare both ways of reading a response. */
export function useStaticBodies(use: boolean): void {
  probed = true;
  known = use ? probe() : undefined;
}

/**
 * Returns the content type of a response without other headers.
 *
 * @returns The content type; null if there is no header at all; undefined if the headers are only known
 * from `response.headers`, which is also true after any use of this property.
 */
export function soleContentType(response: Response): string | null | undefined {
  if (known === undefined || !isPlain(response)) return undefined;
  const { symbols, kinds } = known;
  const internals = response as unknown as Internals;
  if (internals[symbols.plainStatus] !== 200) return undefined;
  const kind = internals[symbols.plainKind];
  if (kind === kinds.given) {
    const type = internals[symbols.plainType];
    return typeof type === "string" ? type : undefined;
  }
  if (kind === kinds.text) return TEXT;
  return kind === kinds.none ? null : undefined;
}

/**
 * Takes the body of a response, which is used then.
 *
 * @returns The body. Undefined if it has to be read from `response.body`, because it is a stream, was
 * used before, or is unknown.
 */
export function staticBody(response: Response): StaticBody | undefined {
  const body = peekStatic(response);
  if (body === undefined || body === null) return body;
  const { symbols } = known!;
  const internals = response as unknown as Internals;
  if (typeof internals[symbols.text] === "string") internals[symbols.consumed] = true;
  else (internals[symbols.inner] as Inner).body!.streamOrStatic.consumed = true;
  return body;
}

/** Returns the result of {@linkcode staticBody} without taking the body. */
export function peekStatic(response: Response): StaticBody | undefined {
  if (known === undefined || !isPlain(response)) return undefined;
  const { symbols } = known;
  const internals = response as unknown as Internals;
  const text = internals[symbols.text];
  if (typeof text === "string") return internals[symbols.consumed] === false ? text : undefined;
  const inner = internals[symbols.inner] as Inner | undefined;
  if (inner === undefined || internals[symbols.consumed] !== false) return undefined;
  if (inner.body === null) return null;
  const source = inner.body.streamOrStatic;
  // A stream has no such properties.
  if (source.consumed !== false) return undefined;
  const { body } = source;
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return undefined;
  return body as StaticBody;
}

/** Returns whether a response has the standard behaviour of its class. */
function isPlain(response: Response): boolean {
  return Object.getPrototypeOf(response) === Response.prototype &&
    !Object.hasOwn(response, "body") && !Object.hasOwn(response, "headers");
}

/** Finds the symbols, and checks this module with them. */
function probe(): typeof known {
  try {
    const text = new Response("probe") as unknown as Internals;
    const json = Response.json("probe") as unknown as Internals;
    const bytes = new Response(new Uint8Array(1)) as unknown as Internals;
    const named = (description: string): symbol => {
      const found = Object.getOwnPropertySymbols(text).filter((symbol) =>
        symbol.description === description
      );
      if (found.length !== 1) throw new TypeError(`There is no ${description}`);
      return found[0]!;
    };
    const symbols: Symbols = {
      inner: named("response"),
      text: named("lazy static body"),
      consumed: named("serve fast consumed"),
      plainStatus: named("serve fast status"),
      plainKind: named("serve fast header kind"),
      plainType: named("serve fast content type"),
    };
    const { plainKind } = symbols;
    const kinds = { none: bytes[plainKind], text: text[plainKind], given: json[plainKind] };
    if (new Set(Object.values(kinds)).size !== 3) return undefined;
    known = { symbols, kinds };
    return works() ? known : undefined;
  } catch {
    return undefined;
  }
}

/** Returns whether this module reads the same values as the standard properties. */
function works(): boolean {
  const data = new Uint8Array([1, 2, 3]);
  const type = (value: string) => ({ headers: { "content-type": value } });
  const cases: [Response, StaticBody | undefined, string | null | undefined][] = [
    [new Response("a"), "a", TEXT],
    [new Response(""), "", TEXT],
    [new Response(data), data, null],
    [new Response("a", type(JSON_TYPE)), "a", JSON_TYPE],
    [new Response("a", type("x/y")), "a", "x/y"],
    [new Response(data, type(TEXT)), data, TEXT],
    [Response.json("a"), '"a"', JSON_TYPE],
    [Response.json("a", { status: 404 }), '"a"', undefined],
    [new Response("a", { headers: { "x-y": "z" } }), "a", undefined],
    [new Response(null), null, undefined],
    [new Response(null, { status: 204 }), null, undefined],
    [touched(new Response("a")), "a", undefined],
    [new Response("a").clone(), "a", undefined],
    [new Response(new ReadableStream()), undefined, undefined],
    [new Response(new Blob(["a"])), undefined, undefined],
    [read(new Response("a")), undefined, TEXT],
    [opened(new Response("a")), undefined, TEXT],
    [new (class extends Response {})("a"), undefined, undefined],
  ];
  return cases.every(([response, body, type]) => {
    if (soleContentType(response) !== type) return false;
    const taken = staticBody(response);
    const same = taken instanceof Uint8Array && body instanceof Uint8Array
      ? taken.join() === body.join()
      : taken === body;
    if (!same) return false;
    // A body can be taken once, and `bodyUsed` must be true afterwards.
    return taken === undefined || taken === null ||
      (staticBody(response) === undefined && response.bodyUsed);
  });
}

function touched(response: Response): Response {
  response.headers.set("x-y", "z");
  return response;
}

function read(response: Response): Response {
  void ignoreFailure(response.text());
  return response;
}

function opened(response: Response): Response {
  void response.body;
  return response;
}
