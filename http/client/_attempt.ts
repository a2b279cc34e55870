import type { HttpHookRequest, HttpHooks } from "./options.ts";
import type { Guard } from "./_guard.ts";
import type { Plan } from "./_plan.ts";
import type { Origin } from "./_slots.ts";
import { type Upload, UploadSending } from "./_upload.ts";

/** What is known of one try. */
export class Attempt {
  /** The place that it holds. */
  origin: Origin | undefined;
  /** Whether `fetch` has been called. */
  sent = false;
  /** Whether the head of the answer is here. */
  answered = false;
  /** The body, if it goes up piece by piece. */
  upload: Upload | undefined;
  /** The same once it is on its way. */
  sending: UploadSending | undefined;
  /** What the body of the caller has thrown. */
  spoiled: Theirs | undefined;
  told: HttpHookRequest | undefined;
  /** Whether time has passed before it was sent. */
  waited = false;
  broken: (() => boolean) | undefined;

  constructor(readonly number: number, readonly hooks: HttpHooks | undefined) {}

  /** What `fetch` takes for the body; each piece that goes up buys time. */
  bodyInit({ body, timeouts }: Plan, guard: Guard): BodyInit | undefined {
    if (this.upload === undefined) return body?.whole;
    const { stream } = this.upload;
    // Whoever gives a stream may know how long it is.
    const length = this.told?.headers.get("content-length") ?? "";
    const size = this.upload.size ?? (/^\d+$/.test(length) ? Number(length) : undefined);
    const sending = this.sending = new UploadSending({ stream, size }, {
      moved: (transferred) => {
        if (!this.answered || sending.alone) guard.arm("headers", timeouts.headers);
        body?.tell?.({ transferred, total: size });
      },
      failed: (error) => this.spoiled = new Theirs(error),
    });
    return sending.body;
  }
}

/** Marks what code of the caller has thrown. */
export class Theirs {
  constructor(readonly error: unknown) {}
}

/** Marks what failed before anything could be sent. */
export class NotSent {
  constructor(readonly cause: unknown) {}
}

/** Throws what code of the caller has thrown, marked. */
export function theirs(error: unknown): never {
  throw new Theirs(error);
}
