/**
 * Reads the body of a `Response` without opening a stream, where the response was made from text or
 * bytes.
 *
 * The standard has no way to ask for that: `response.body` makes a stream, and a stream with its
 * reader costs more than the rest of a small response. Deno keeps text and bytes as they were given,
 * in properties with symbols as their names. `probe` finds these symbols and checks that they mean
 * what this module takes them for. Where they do not, {@linkcode staticBody} says of every response
 * that it does not know, and the caller reads the stream.
 */

/** Text, bytes, or null for no body. */
export type StaticBody = string | Uint8Array<ArrayBuffer> | null;

/** The properties of a `Response` under Deno, by their symbols. */
type Internals = Record<symbol, unknown>;

/** What holds the body once it is more than text. */
interface Inner {
  readonly body: null | { readonly streamOrStatic: { body?: unknown; consumed?: unknown } };
}

interface Symbols {
  /** Holds an {@linkcode Inner}. */
  readonly inner: symbol;
  /** Text of a body that was given as text, until something else is made of it; else null. */
  readonly text: symbol;
  /** Whether a server has sent the text. */
  readonly consumed: symbol;
  /** 200 where the body and at most a content type are all there is to know; else 0. */
  readonly plainStatus: symbol;
  /** Which content type that is; `types` knows the values. */
  readonly plainKind: symbol;
  /** The content type, where the kind is that one was given. */
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
 * Looks whether responses can be read this way, once. Until then none is. A server calls it when it
 * starts, so that a program without one does not pay for it.
 *
 * @returns Whether they can.
 */
export function prepareStaticBodies(): boolean {
  if (!probed) useStaticBodies(true);
  return known !== undefined;
}

/** Turns this module off, or on again. For tests, which compare both ways of reading a response. */
export function useStaticBodies(use: boolean): void {
  probed = true;
  known = use ? probe() : undefined;
}

/**
 * The headers of a response that has none but a content type.
 *
 * @returns The content type, null if there is no header at all, or undefined if only
 * `response.headers` can tell. To ask for `headers` makes a response undefined for good.
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
 * Takes the body of a response, which is used up by that.
 *
 * @returns The body, or undefined if it has to be read from `response.body`: it is a stream, it is
 * used up already, or nothing is known about it.
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

/** Returns what {@linkcode staticBody} would take, and leaves it there. */
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

/** Whether nothing stands in front of what the class itself does. */
function isPlain(response: Response): boolean {
  return Object.getPrototypeOf(response) === Response.prototype &&
    !Object.hasOwn(response, "body") && !Object.hasOwn(response, "headers");
}

/** Finds the symbols, and checks that all of this module works with them. */
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

/** Whether everything that is read here is what the standard properties say. */
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
    // A body can be taken once, and everybody can see that it was.
    return taken === undefined || taken === null ||
      (staticBody(response) === undefined && response.bodyUsed);
  });
}

function touched(response: Response): Response {
  response.headers.set("x-y", "z");
  return response;
}

function read(response: Response): Response {
  response.text().catch(() => {});
  return response;
}

function opened(response: Response): Response {
  void response.body;
  return response;
}
