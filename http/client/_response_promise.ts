import type { HttpResponse } from "./response.ts";
import { decodeJson, decodeJsonText, decodeText } from "./_decode_json.ts";
import type { ClientExchange } from "./_exchange.ts";

/** The promise of a response, with methods that read its body directly. */
export interface HttpResponsePromise extends Promise<HttpResponse> {
  /**
   * Reads the body as JSON.
   *
   * @typeParam T The expected type. Nothing checks it.
   * @throws {HttpDecodeError} If the body is no JSON. The error names the place.
   */
  json<T = unknown>(): Promise<T>;
  /** Reads the body as text in the charset of its `Content-Type`. */
  text(): Promise<string>;
  /** Reads the body as bytes. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/** The request starts at once. The caller chooses later how to read the body. */
export class ResponsePromise implements HttpResponsePromise {
  readonly [Symbol.toStringTag] = "HttpResponsePromise";
  readonly #exchange: Promise<ClientExchange>;
  #response: Promise<HttpResponse> | undefined;

  constructor(exchange: Promise<ClientExchange>) {
    this.#exchange = exchange;
  }

  async json<T = unknown>(): Promise<T> {
    if (this.#response !== undefined) return (await this.#response).json<T>();
    const exchange = await this.#exchange;
    return decodeJson<T>(decodeJsonText(exchange.data ?? await exchange.bytes()), exchange);
  }

  async text(): Promise<string> {
    if (this.#response !== undefined) return (await this.#response).text();
    const exchange = await this.#exchange;
    return decodeText(await exchange.bytes(), exchange.headers.get("content-type"));
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#response !== undefined) return (await this.#response).bytes();
    return await (await this.#exchange).bytes();
  }

  then<A = HttpResponse, B = never>(
    onFulfilled?: ((value: HttpResponse) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#whole().then(onFulfilled, onRejected);
  }

  catch<B = never>(
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<HttpResponse | B> {
    return this.#whole().catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<HttpResponse> {
    return this.#whole().finally(onFinally);
  }

  #whole(): Promise<HttpResponse> {
    return this.#response ??= this.#exchange.then((exchange) => exchange.response());
  }
}
