import { ignoreFailure } from "../../../net/internal/ignore_failure.ts";
import { NetError, type NetErrorKind } from "../../../net/errors/errors.ts";
import { Alarm } from "../../../net/internal/timer.ts";
import { lastChunk } from "../../internal/chunk_framing.ts";
import { Known } from "../../internal/http1_fields.ts";
import { passedFields, passedTrailers, valueOf } from "../_head.ts";
import { ProxyRefusal } from "../_error_pages.ts";
import { Late } from "../_peer.ts";
import type { Upstream } from "../_upstream.ts";
import type { UploadFraming } from "./_head.ts";
import type { ReverseLimits } from "./_target.ts";
import { switchProtocols } from "./_upgrade.ts";
import { isHintField } from "../../internal/early_hints.ts";
import { isTrailerName } from "../../internal/trailer_fields.ts";
import { parseList } from "../../header_list.ts";
import { Http1Error, Http1Fields, type Http1Response } from "../../http1/codec.ts";
import type { HttpInfo } from "../../server/options.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The longest wait for a 100 response before the body is sent, in milliseconds (RFC 9110 §10.1.1). */
const PATIENCE = 1000;

/** Thrown if no byte of a response has arrived. The method decides whether the request is repeated. */
export class Unanswered extends Error {
  constructor(
    /** Whether the connection was reused and had ended. */
    readonly stale: boolean,
    override readonly cause: unknown,
  ) {
    super("The server ended without a response");
  }
}

/** The data that all attempts to send a request share. */
export interface Sending {
  readonly request: Request;
  readonly info: HttpInfo;
  readonly framing: UploadFraming;
  /** The body, if it is completely available. */
  readonly whole: Bytes | undefined;
  /** Whether to wait for a 100 response before the body is sent. */
  readonly expect: boolean;
  /** The name of this proxy. */
  readonly name: string;
}

/** The outcomes of an exchange. Each method is called at most once. */
export interface Outcome {
  /** Handles a complete response. `reusable` states whether the connection can be reused. */
  done(reusable: boolean): void;
  /** Handles a response that was interrupted after its head. The connection is closed. */
  broken(error: ProxyRefusal): void;
  /** Handles a client that has left. The connection is closed. */
  abandoned(): void;
  /** Handles a connection that continues with another protocol. */
  switched(): void;
}

/** One attempt to send a request on one connection. It returns the response as a `Response`. */
export class ReverseExchange {
  readonly #upstream: Upstream;
  readonly #sending: Sending;
  readonly #limits: ReverseLimits;
  readonly #outcome: Outcome;
  readonly #before: number;
  #response: Http1Response | undefined;
  #trailers: Http1Fields | undefined;
  /** Whether the target has taken the whole request. */
  #sent = false;
  /** Whether the target did not take the rest of the request. */
  #unwanted = false;
  /** Whether the response has ended in any way. */
  #over = false;
  /** The error of reading the body of the request. */
  #fault: unknown;
  #reader: ReadableStreamDefaultReader<Bytes> | undefined;
  #continue: PromiseWithResolvers<void> | undefined;
  #permit: ReturnType<typeof setTimeout> | undefined;

  constructor(upstream: Upstream, sending: Sending, limits: ReverseLimits, outcome: Outcome) {
    this.#upstream = upstream;
    this.#sending = sending;
    this.#limits = limits;
    this.#outcome = outcome;
    this.#before = upstream.received;
  }

  /**
   * Sends the request and waits for the head of the response.
   *
   * @throws {Unanswered} If the connection ends before any byte of a response.
   * @throws {ProxyRefusal} If there is no well-formed response.
   * @throws The error of reading the body of the request.
   */
  async run(head: string): Promise<Response> {
    const upstream = this.#upstream;
    const { whole, framing, request } = this.#sending;
    try {
      upstream.decoder.answers(request.method);
      upstream.out.text(head);
      let sending: Promise<void> | undefined;
      if (whole !== undefined) sending = upstream.out.data(whole, false);
      else if (framing !== "none") sending = this.#upload(framing);
      sending ??= upstream.out.flush();
      if (whole !== undefined) sending = sending?.then(() => upstream.out.flush());
      sending?.then(this.#onSent, this.#onUnsent);
      return this.#respond(await this.#head());
    } catch (error) {
      this.#stop();
      if (this.#fault !== undefined) throw this.#fault;
      const silent = upstream.received === this.#before;
      if (silent && !(error instanceof ProxyRefusal) && !isLate(error, upstream)) {
        throw new Unanswered(upstream.reused, error);
      }
      throw refusalOf(error, upstream);
    }
  }

  /** Ends the attempt, because the client has left. */
  abandon(): void {
    if (this.#over) return;
    this.#stop();
    this.#outcome.abandoned();
  }

  /** Ends the upload and closes the connection. */
  #stop(): void {
    this.#over = true;
    this.#endUpload();
    this.#upstream.reset();
  }

  #endUpload(): void {
    clearTimeout(this.#permit);
    this.#continue?.resolve();
    if (!this.#sent) ignoreFailure(this.#reader?.cancel());
  }

  #onSent = (): void => {
    this.#sent = true;
    const { clock } = this.#upstream;
    if (this.#response === undefined) {
      this.#upstream.limit(clock.after(this.#limits.responseTimeout));
    }
  };

  #onUnsent = (error: unknown): void => {
    // A request that cannot be completed must not look complete to the target.
    if (this.#fault !== undefined) return this.#upstream.reset();
    // The target may have answered already, and may not need the rest.
    this.#unwanted = true;
    ignoreFailure(this.#reader?.cancel(error));
    if (this.#response !== undefined) return;
    this.#upstream.limit(this.#upstream.clock.after(this.#limits.responseTimeout));
  };

  async #upload(framing: number | "chunked"): Promise<void> {
    const { out } = this.#upstream;
    const { request, expect } = this.#sending;
    const chunked = framing === "chunked";
    await out.flush();
    if (expect) await this.#permission();
    this.#checkWanted();
    let size = 0;
    const reader = this.#reader = request.body!.getReader();
    for (;;) {
      const bytes = await this.#read(reader);
      if (bytes === undefined) break;
      if (bytes.length === 0) continue;
      size += bytes.length;
      if (!chunked && size > framing) this.#mismatch(framing);
      await (out.data(bytes, chunked) ?? out.flush());
    }
    if (!chunked && size < framing) this.#mismatch(framing);
    if (!chunked) return;
    out.text(lastChunk(passedTrailers(await this.#readTrailers(), [])));
    await out.flush();
  }

  #mismatch(length: number): never {
    throw this.#fault = new TypeError(
      `The body of the request does not have the length of its Content-Length: ${length}`,
    );
  }

  async #read(reader: ReadableStreamDefaultReader<Bytes>): Promise<Bytes | undefined> {
    let value: Bytes | undefined;
    try {
      value = (await reader.read()).value;
    } catch (error) {
      throw this.#fault = error;
    }
    // A cancelled reader reports an end, which is not the end of the body.
    this.#checkWanted();
    return value;
  }

  #checkWanted(): void {
    if (this.#over || this.#unwanted) throw new Error("The body is no longer needed");
  }

  async #readTrailers(): Promise<Http1Fields> {
    try {
      return new Http1Fields([...await this.#sending.info.trailers]);
    } catch (error) {
      throw this.#fault = error;
    }
  }

  /** Waits for a 100 response, up to a limit. */
  async #permission(): Promise<void> {
    const { promise } = this.#continue = Promise.withResolvers<void>();
    const alarm = new Alarm(this.#continue.resolve);
    alarm.start(PATIENCE);
    await promise;
    alarm.stop();
    this.#continue = undefined;
  }

  /** Waits for the head of the final response. */
  async #head(): Promise<Http1Response> {
    const { decoder, clock } = this.#upstream;
    let due = Infinity;
    for (;;) {
      const event = decoder.next();
      if (event === undefined) {
        // The upload has its own limits.
        if (due === Infinity && (this.#sent || this.#unwanted)) {
          due = clock.after(this.#limits.responseTimeout);
        }
        if (await this.#upstream.more(due)) continue;
        decoder.finish();
        decoder.next();
        throw new Error("The server ended without a response");
      }
      if (event.kind !== "response") throw new ProxyRefusal(502, "The server sent no response");
      if (event.status >= 200 || event.status === 101) return event;
      if (event.status === 100) this.#continue?.resolve();
      else if (event.status === 103) await this.#hint(event);
    }
  }

  /** Forwards early hints (RFC 8297). */
  async #hint(response: Http1Response): Promise<void> {
    const fields = passedFields(response).filter(([name]) => isHintField(name));
    if (fields.length > 0) await this.#sending.info.sendEarlyHints(fields);
  }

  #respond(head: Http1Response): Response {
    const { status, framing, fields } = head;
    this.#response = head;
    this.#upstream.heard(valueOf(fields, Known.keepAlive));
    const headers = passedFields(head);
    headers.push(["Via", `1.${head.minor} ${this.#sending.name}`]);
    if (status === 101) return this.#switch(head, headers);
    if (status > 599) throw new ProxyRefusal(502, "The response is malformed", `status ${status}`);
    const { method } = this.#sending.request;
    const init = { status, statusText: head.reason, headers };
    const length = framing === 0
      ? valueOf(fields, Known.contentLength)
      : typeof framing === "number"
      ? String(framing)
      : undefined;
    if (method === "HEAD" || status === 204 || status === 304 || status === 205) {
      if (length !== undefined && /^\d{1,15}$/.test(length) && status !== 204 && status !== 205) {
        headers.push(["Content-Length", length]);
      }
      this.#finish(this.#takeAvailable([]));
      return new Response(null, init);
    }
    const chunks: Bytes[] = [];
    const complete = this.#takeAvailable(chunks);
    this.#announceTrailers(head);
    if (complete) {
      this.#finish(true);
      return new Response(joined(chunks), init);
    }
    if (length !== undefined) headers.push(["Content-Length", length]);
    return new Response(this.#stream(chunks), init);
  }

  #switch(head: Http1Response, headers: [string, string][]): Response {
    const { request } = this.#sending;
    const response = switchProtocols(request, head, headers, this.#upstream, this.#limits, () => {
      this.#outcome.done(false);
    });
    if (response === undefined) {
      throw new ProxyRefusal(502, "The server changes to a protocol that was not asked for");
    }
    this.#over = true;
    this.#outcome.switched();
    return response;
  }

  /** Takes the received part of the body. Returns whether it is complete. */
  #takeAvailable(chunks: Bytes[]): boolean {
    const { decoder } = this.#upstream;
    for (let event; (event = decoder.next()) !== undefined;) {
      if (event.kind === "end") {
        this.#trailers = event.trailers;
        return true;
      }
      // The bytes of the decoder are valid only until the next call.
      if (event.kind === "data") chunks.push(event.bytes.slice());
    }
    return false;
  }

  /** Announces the trailers that the response announces. */
  #announceTrailers({ fields, framing }: Http1Response): void {
    if (framing !== "chunked") return;
    const names = parseList(valueOf(fields, Known.trailer) ?? "").filter(isTrailerName);
    if (names.length === 0) return;
    const wanted = new Set(names.map((name) => name.toLowerCase()));
    this.#sending.info.sendTrailers(names, () => {
      return [...this.#trailers ?? []].filter(([name]) => wanted.has(name.toLowerCase()))
        .map(([name, value]): [string, string] => [name, value]);
    });
  }

  #stream(chunks: Bytes[]): ReadableStream<Bytes> {
    return new ReadableStream({
      pull: (controller) => {
        if (chunks.length > 0) return controller.enqueue(chunks.shift()!);
        return this.#pull(controller);
      },
      cancel: () => this.abandon(),
    }, { highWaterMark: 0 });
  }

  async #pull(controller: ReadableStreamDefaultController<Bytes>): Promise<void> {
    const { decoder, clock } = this.#upstream;
    const upstream = this.#upstream;
    try {
      for (;;) {
        const event = decoder.next();
        if (event?.kind === "data") return controller.enqueue(event.bytes.slice());
        if (event?.kind === "end") {
          this.#trailers = event.trailers;
          this.#finish(true);
          return controller.close();
        }
        // After the head of the response has been sent, the body may follow without a 100. Before that,
        // the server would send a 100.
        if (this.#continue !== undefined) this.#permit ??= setTimeout(this.#continue.resolve);
        if (await upstream.more(clock.after(this.#limits.bodyTimeout))) continue;
        await upstream.confirmEnd();
        decoder.finish();
      }
    } catch (error) {
      if (this.#over) throw error;
      this.#stop();
      const refusal = refusalOf(error, upstream);
      this.#outcome.broken(refusal);
      throw new NetError(`The response was interrupted: ${refusal.detail}`, {
        kind: kindOf(refusal),
        phase: "read",
        cause: error,
      });
    }
  }

  /** Ends the response. */
  #finish(complete: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const { keepAlive = false } = this.#response ?? {};
    this.#endUpload();
    this.#outcome.done(complete && this.#sent && keepAlive);
  }
}

function joined(chunks: readonly Bytes[]): Bytes | null {
  if (chunks.length <= 1) return chunks[0] ?? null;
  const all = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** Returns whether a time limit is the reason of a failure. A write without progress closes the connection. */
function isLate(error: unknown, upstream: Upstream): boolean {
  return error instanceof Late || upstream.late;
}

function refusalOf(error: unknown, upstream: Upstream): ProxyRefusal {
  if (error instanceof ProxyRefusal) return error;
  if (isLate(error, upstream)) return new ProxyRefusal(504, "The server did not answer in time");
  if (error instanceof Http1Error) {
    const what = error.truncated ? "The response is truncated" : "The response is malformed";
    return new ProxyRefusal(502, what, error.message);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new ProxyRefusal(502, "The server broke off the connection", reason);
}

function kindOf({ status, detail }: ProxyRefusal): NetErrorKind {
  if (status === 504) return "timeout";
  return detail.endsWith("malformed") ? "protocol" : "truncated";
}
