import type { HttpHookRequest, HttpHooks } from "./options.ts";
import type { RequestSpan } from "../internal/client_tracing.ts";
import type { TimeLimits } from "./_time_limits.ts";
import type { Plan } from "./_request_plan.ts";
import type { Origin } from "./internal/pool.ts";
import { Timings } from "./internal/timings.ts";
import { type Upload, UploadSending } from "./_upload.ts";

/** The state of one try to send a request. */
export class Attempt {
  /** The origin whose place in the pool this try occupies. */
  origin: Origin | undefined;
  /** The progress of the try. Nothing has been sent before "sending". */
  stage: "preparing" | "dialing" | "sending" = "preparing";
  /** Whether the head of the response has arrived. */
  answered = false;
  /** The body, if it is sent in pieces. */
  upload: Upload | undefined;
  /** The upload in progress. */
  sending: UploadSending | undefined;
  /** The error that code of the caller has thrown while the request was sent. */
  spoiled: Theirs | undefined;
  told: HttpHookRequest | undefined;
  /** The span of this try, if tracing is enabled. */
  span: RequestSpan | undefined;
  /** Whether the request waited before it was sent. */
  waited = false;
  readonly timings = new Timings();

  constructor(
    readonly number: number,
    readonly hooks: HttpHooks | undefined,
    /** Whether the request needs a new connection, because a reused one has failed. */
    readonly fresh: boolean,
  ) {}

  /** Starts the upload, if there is one. Each piece restarts the limit on the response. */
  startUpload({ body, timeouts }: Plan, guard: TimeLimits): UploadSending | undefined {
    if (this.upload === undefined) return undefined;
    const { stream } = this.upload;
    // The caller may state the length of a stream.
    const length = this.told?.headers.get("content-length") ?? "";
    const size = this.upload.size ?? (/^\d+$/.test(length) ? Number(length) : undefined);
    const sending = this.sending = new UploadSending({ stream, size }, {
      moved: (transferred) => {
        if (!this.answered || sending.alone) guard.arm("headers", timeouts.headers);
        body?.tell?.({ transferred, total: size });
      },
      failed: (error) => this.spoiled = new Theirs(error),
    });
    return sending;
  }
}

/** Wraps an error that code of the caller has thrown. */
export class Theirs {
  constructor(readonly error: unknown) {}
}

/** Throws an error of code of the caller, wrapped. */
export function theirs(error: unknown): never {
  throw new Theirs(error);
}
