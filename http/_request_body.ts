import type { HttpProgress, HttpRequestOptions } from "./client_options.ts";
import { encodeMultipart } from "./multipart.ts";
import { encodeParams } from "./_url.ts";

/** What is sent, as often as it may be. */
export interface RequestBody {
  /** The `Content-Type` that goes with it, unless the caller has set one. */
  readonly type?: string;
  /** Whether it can be sent again. */
  readonly replayable: boolean;
  /** Whether it is a stream, which Deno never sends again by itself. */
  readonly streamed: boolean;
  /** What to give to `fetch`. */
  open(): BodyInit;
}

/** The body that the options ask for. */
export function requestBody(options: HttpRequestOptions, method: string): RequestBody | undefined {
  const { json, form, multipart, body } = options;
  const given = [json, form, multipart, body ?? undefined].filter((one) => one !== undefined);
  if (given.length === 0) return undefined;
  if (given.length > 1) {
    throw new TypeError("Cannot send two bodies: set one of json, form, multipart and body");
  }
  if (method === "GET" || method === "HEAD") {
    throw new TypeError(`Cannot send a body with ${method}: use params, or another method`);
  }
  const made = json !== undefined
    ? jsonBody(json)
    : form !== undefined
    ? text(encodeParams(form).toString(), "application/x-www-form-urlencoded")
    : multipart !== undefined
    ? { streamed: true, ...encodeMultipart(multipart) }
    : plainBody(body!);
  return options.onUpload === undefined ? made : watched(made, options.onUpload);
}

/** A body that `fetch` takes as it is. */
export function plainBody(body: BodyInit): RequestBody {
  if (body instanceof FormData) return { streamed: true, ...encodeMultipart(body) };
  const streamed = body instanceof ReadableStream ||
    (typeof body === "object" && Symbol.asyncIterator in body && !(body instanceof Blob));
  return { replayable: !streamed, streamed, open: () => body };
}

function jsonBody(value: unknown): RequestBody {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError("Cannot send json: this value has no JSON");
  return text(json, "application/json");
}

function text(body: string, type: string): RequestBody {
  return { type, replayable: true, streamed: false, open: () => body };
}

/** The same body, sent as a stream that tells how far it is. */
function watched(body: RequestBody, tell: (progress: HttpProgress) => void): RequestBody {
  return {
    ...body,
    ...(body.type === undefined ? typeOf(body) : {}),
    streamed: true,
    open: () => {
      const opened = new Response(body.open());
      const total = sizeOf(body.streamed ? undefined : body.open());
      let transferred = 0;
      return opened.body!.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            controller.enqueue(chunk);
            transferred += chunk.length;
            tell({ transferred, total });
          },
        }),
      );
    },
  };
}

/** The same stream; tells what its source throws, which `fetch` would hide. */
export function watchUpload(body: BodyInit, tell: (error: unknown) => void): ReadableStream {
  const stream = body instanceof ReadableStream
    ? body
    : ReadableStream.from(body as unknown as AsyncIterable<Uint8Array>);
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        tell(error);
        throw error;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function typeOf(body: RequestBody): { type?: string } {
  if (body.streamed) return {};
  const type = new Response(body.open()).headers.get("content-type");
  return type === null ? {} : { type };
}

function sizeOf(body: BodyInit | undefined): number | undefined {
  if (typeof body === "string") return new TextEncoder().encode(body).length;
  if (body instanceof Blob) return body.size;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return body.byteLength;
  return undefined;
}
