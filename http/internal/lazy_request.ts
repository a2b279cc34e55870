/**
 * Requests that are cheap until a handler needs more than the method, the URL and the headers.
 *
 * `new Request` parses the URL, converts and checks headers, and makes a stream for the body. Most
 * handlers do not need this. A lazy request is an object whose prototype chain contains
 * `Request.prototype`. It provides the cheap properties by itself. All others make a real `Request`
 * once, and use that.
 *
 * The functions of Deno (`new Request(request)`, `fetch(request)`, the methods of `Request.prototype`)
 * read the state of a request from properties with symbols as names. A lazy request has a getter for
 * each of these symbols, which returns the state of the real request. `probe` finds the symbols in a
 * request, and checks the result. If the check fails, all requests are real ones.
 */

import { readForm } from "../handlers/form.ts";
import { ProblemError } from "../problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The source of a request. */
export interface RequestSource {
  /** The method. `Request` accepts it unchanged, unless the request is refused. */
  readonly method: string;
  /** The whole URL as it was sent. */
  readonly url: string;
  /** The checked header lines. The request owns the pairs. */
  readonly fields: Iterable<readonly [name: string, value: string]>;
  /** The body, if there is one. */
  readonly body: RequestBodySource | undefined;
  /** The client, whose signal is the signal of the request. */
  readonly client: Client;
  /** Whether the request is refused. Its method may be one that the constructor rejects. */
  readonly refused?: true;
}

/** The body of a request. It is read either as a stream or at once. */
export interface RequestBodySource {
  /** The body as a stream. */
  readonly stream: ReadableStream<Bytes>;
  /** Takes the whole body, if it has arrived completely and is within its limits. */
  takeWhole(): Bytes | undefined;
  /** Marks the body as malformed, also if a framework hides the error. */
  fail(error: ProblemError): void;
}

/** A client of a server. Its signal is made at the first use. */
export interface Client {
  readonly signal: AbortSignal;
}

/** The state of an object of Deno, by symbols. */
type Internals = Record<symbol, unknown>;

interface Symbols {
  /** Holds an object that has, among others, the list of headers. */
  readonly inner: symbol;
  /** Holds the `Headers` of a request. */
  readonly headers: symbol;
  /** Holds the pairs of `Headers`. */
  readonly list: symbol;
}

// Symbols and not private members, so that a `Proxy` of a request works, as it does in Deno.
const CLIENT = Symbol("client");
const SOURCE = Symbol("source");
const HEADERS = Symbol("headers");
const REAL = Symbol("real");
const TAKEN = Symbol("taken");

const decoder = new TextDecoder();

let symbols: Symbols | undefined;
/** Undefined before the probe. */
let enabled: boolean | undefined;

/** Makes a request. Its URL is unchanged. */
export function makeRequest(source: RequestSource): Request {
  return enabled ? new LazyRequest(source) as unknown as Request : new RealRequest(source);
}

/** Makes a copy of a request with another signal. */
export function withSignalOf(client: Client, request: Request): Request {
  if (enabled) return new BoundRequest(client, request) as unknown as Request;
  return Object.defineProperty(request, "signal", {
    configurable: true,
    get: () => client.signal,
  });
}

/**
 * Returns the state that Deno keeps of a request; undefined if it is unknown here. No probe checks the
 * state of the requests of `Deno.serve`, so each use has to.
 */
export function stateBehind(request: Request): Readonly<Record<string, unknown>> | undefined {
  if (!enabled) return undefined;
  return (request as unknown as Internals)[symbols!.inner] as Readonly<Record<string, unknown>>;
}

/**
 * Checks once whether lazy requests work. Before, all requests are real ones. A server calls it when it
 * starts, so that a program without a server does not spend time on it.
 *
 * @returns Whether lazy requests work here.
 */
export function prepareLazyRequests(): boolean {
  if (enabled === undefined) useLazyRequests(true);
  return enabled === true;
}

/** Turns lazy requests off or on, for tests that compare them with real ones. */
export function useLazyRequests(use: boolean): void {
  enabled = use && probe();
}

/**
 * Takes the whole body of a request, if it has arrived completely and has no reader.
 *
 * @param request The request that the handler got.
 * @returns The body, which is used then; undefined if it has to be read in the usual way.
 */
export function takeWholeBody(request: Request): Bytes | undefined {
  return request instanceof LazyRequest ? takeWhole(request) : undefined;
}

/**
 * Returns whether a request has a body, without making a real request. Reading the property `body`
 * makes a stream.
 *
 * @param request The request that the handler got, or another one.
 */
export function hasBody(request: Request): boolean {
  if (request instanceof LazyRequest && request[REAL] === undefined) {
    return request[SOURCE].body !== undefined;
  }
  const body = stateBehind(request)?.body;
  return body === undefined ? request.body !== null : body !== null;
}

/** A real request with another signal. */
class BoundRequest {
  readonly [CLIENT]: Client;
  [REAL]: Request | undefined;

  constructor(client: Client, real: Request | undefined) {
    this[CLIENT] = client;
    this[REAL] = real;
  }

  get method(): string {
    return this[REAL]!.method;
  }

  get url(): string {
    return this[REAL]!.url;
  }

  get headers(): Headers {
    return this[REAL]!.headers;
  }

  get signal(): AbortSignal {
    return this[CLIENT].signal;
  }
}

/** A request that makes the real one when it is needed. */
class LazyRequest extends BoundRequest {
  readonly [SOURCE]: RequestSource;
  [HEADERS]: Headers | undefined = undefined;
  /** Whether the body was taken without a real request. */
  [TAKEN] = false;

  constructor(source: RequestSource) {
    super(source.client, undefined);
    this[SOURCE] = source;
  }

  override get method(): string {
    return this[SOURCE].method;
  }

  override get url(): string {
    return this[SOURCE].url;
  }

  override get headers(): Headers {
    return this[HEADERS] ??= headersOf(this[SOURCE].fields);
  }

  get bodyUsed(): boolean {
    return this[TAKEN] || (this[REAL]?.bodyUsed ?? false);
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    const whole = takeWhole(this);
    if (whole === undefined) return Request.prototype.arrayBuffer.call(this);
    return Promise.resolve(alone(whole).buffer);
  }

  bytes(): Promise<Bytes> {
    const whole = takeWhole(this);
    return whole === undefined
      ? Request.prototype.bytes.call(this) as Promise<Bytes>
      : Promise.resolve(alone(whole));
  }

  json(): Promise<unknown> {
    const whole = takeWhole(this);
    return whole === undefined ? Request.prototype.json.call(this) : parseJson(whole);
  }

  formData(): Promise<FormData> {
    return formOf(this as unknown as Request, this[SOURCE]);
  }

  text(): Promise<string> {
    const whole = takeWhole(this);
    return whole === undefined
      ? Request.prototype.text.call(this)
      : Promise.resolve(decoder.decode(whole));
  }
}

function takeWhole(lazy: LazyRequest): Bytes | undefined {
  if (lazy[REAL] !== undefined || lazy[TAKEN]) return undefined;
  const whole = lazy[SOURCE].body?.takeWhole();
  if (whole !== undefined) lazy[TAKEN] = true;
  return whole;
}

/** The server limits the size of the body. */
const FORM_LIMITS = { maxSize: Infinity, maxFieldSize: Infinity };

/**
 * Reads a form within limits. The method of Deno accepts millions of fields and truncated forms, and
 * reports faults of the client as faults of the server.
 */
async function formOf(request: Request, { body }: RequestSource): Promise<FormData> {
  try {
    return await readForm(request, FORM_LIMITS);
  } catch (error) {
    if (error instanceof ProblemError) body?.fail(error);
    throw error;
  }
}

/** Returns the bytes in a buffer without other bytes, because the caller sees the whole buffer. */
function alone(bytes: Bytes): Bytes {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

// deno-lint-ignore require-await -- A body that is not JSON rejects.
async function parseJson(bytes: Bytes): Promise<unknown> {
  return JSON.parse(decoder.decode(bytes));
}

/** Makes `Headers` from checked lines, without another check. */
function headersOf(fields: RequestSource["fields"]): Headers {
  const headers = new Headers();
  (headers as unknown as Internals)[symbols!.list] = Array.from(fields);
  return headers;
}

/** Returns the real request behind another one. */
function realOf(request: BoundRequest): Request {
  return request[REAL] ??= materialize(request as LazyRequest);
}

/** Makes the real request. Both share their `Headers`, so that changes affect both. */
function materialize(lazy: LazyRequest): Request {
  const { method, url, body } = lazy[SOURCE];
  const { inner, headers, list } = symbols!;
  const init: RequestInit = { method };
  if (lazy[TAKEN]) init.body = new Uint8Array(0);
  else if (body !== undefined) init.body = body.stream;
  const real = new Request(url, init);
  if (lazy[TAKEN]) void real.bytes();
  const internals = real as unknown as Internals;
  internals[headers] = lazy.headers;
  (internals[inner] as { headerList: unknown }).headerList =
    (lazy.headers as unknown as Internals)[list];
  return real;
}

/** A request without lazy parts. */
class RealRequest extends Request {
  readonly #source: RequestSource;

  constructor(source: RequestSource) {
    const headers = [...source.fields] as [string, string][];
    const method = source.refused ? "GET" : source.method;
    super(source.url, { method, headers, body: source.body?.stream ?? null });
    this.#source = source;
  }

  override get method(): string {
    return this.#source.method;
  }

  /** The URL as it was sent. The constructor of `Request` would resolve dots. */
  override get url(): string {
    return this.#source.url;
  }

  override get signal(): AbortSignal {
    return this.#source.client.signal;
  }

  override formData(): Promise<FormData> {
    return formOf(this, this.#source);
  }

  /** Copies the request, with the signal of the client. Its own signal would never be aborted. */
  override clone(): Request {
    return new Request(super.clone(), { signal: this.signal });
  }
}

/** Finds the symbols of Deno's state and gives lazy requests getters for them. */
function probe(): boolean {
  try {
    const sample = new Request("http://localhost/", { headers: [["x-probe", "1"]] });
    const state = sample as unknown as Internals;
    if (Object.getOwnPropertyNames(sample).length > 0) return false;
    const all = Object.getOwnPropertySymbols(sample);
    const unset = all.filter((symbol) => state[symbol] === undefined);
    void sample.signal;
    // An interface is marked by a symbol that holds itself.
    const brand = all.find((symbol) => state[symbol] === symbol);
    const signal = unset.find((symbol) => state[symbol] instanceof AbortSignal);
    const headers = all.find((symbol) => state[symbol] instanceof Headers);
    const inner = all.find((symbol) => isProbe((state[symbol] as Partial<Inner>)?.headerList));
    const listed = sample.headers as unknown as Internals;
    const list = Object.getOwnPropertySymbols(listed).find((symbol) => isProbe(listed[symbol]));
    if (!brand || !signal || !headers || !inner || !list) return false;
    symbols = { inner, headers, list };
    const { prototype } = BoundRequest;
    Object.setPrototypeOf(prototype, Request.prototype);
    for (const each of [prototype, LazyRequest.prototype]) {
      Reflect.deleteProperty(each, "constructor");
      for (const name of Object.getOwnPropertyNames(each)) {
        // All members of a standard interface are enumerable.
        Object.defineProperty(each, name, { enumerable: true });
      }
    }
    for (const symbol of all) Object.defineProperty(prototype, symbol, stateOf(symbol));
    Object.defineProperty(prototype, brand, { value: brand });
    Object.defineProperty(prototype, signal, {
      get(this: BoundRequest) {
        return this.signal;
      },
    });
    return works();
  } catch {
    return false;
  }
}

interface Inner {
  headerList: unknown;
}

function isProbe(list: unknown): boolean {
  return Array.isArray(list) && list.length === 1 && list[0]?.[0] === "x-probe";
}

/** Returns a property whose value is that of the real request. */
function stateOf(symbol: symbol): PropertyDescriptor {
  return {
    configurable: true,
    get(this: BoundRequest) {
      return (realOf(this) as unknown as Internals)[symbol];
    },
    set(this: BoundRequest, value: unknown) {
      (realOf(this) as unknown as Internals)[symbol] = value;
    },
  };
}

/** Returns whether a lazy request behaves like a real one, as far as a synchronous check can tell. */
function works(): boolean {
  const gone = new AbortController();
  const url = "http://localhost/a/../b?c";
  const body = { stream: new ReadableStream<Bytes>(), takeWhole: () => undefined, fail() {} };
  const source = { method: "PUT", url, body, client: gone };
  const lazy = new LazyRequest({ ...source, fields: [["X-A", "1"], ["x-a", "2"]] });
  const request = lazy as unknown as Request;
  if (!(request instanceof Request) || request.constructor !== Request) return false;
  request.headers.set("x-b", "3");
  const { headers } = request;
  if (lazy[REAL] !== undefined || request.url !== url || request.method !== "PUT") return false;
  const copy = request.clone();
  // The copy was made from the real request, and both share their headers from then on.
  if (lazy[REAL] === undefined || request.headers !== headers) return false;
  request.headers.set("x-c", "4");
  const again = new Request(request);
  gone.abort();
  return copy.headers.get("x-a") === "1, 2" && copy.headers.get("x-b") === "3" &&
    copy.url === "http://localhost/b?c" && copy.method === "PUT" && copy.body !== null &&
    again.headers.get("x-c") === "4" && copy.headers.get("x-c") === null &&
    again.signal.aborted && copy.signal.aborted && request.bodyUsed && !again.bodyUsed;
}
