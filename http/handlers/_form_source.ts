import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { ProblemError } from "../problem.ts";
import { MultipartError, type MultipartParser } from "./_multipart_parser.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The body of a request, with a limit of its size. */
export class Source {
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
    await ignoreFailure(this.#reader?.cancel());
  }
}

/** The events of a parser, fed from a body. */
export class Events {
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

/** Rejects the value of a field or a file that is larger than the limit. */
export function checkSize(name: string, size: number, limit: number): void {
  if (size > limit) throw tooLarge(`${JSON.stringify(name)} has more than ${limit} bytes`);
}

/** Returns the error of a form beyond a limit. The connection is closed, since the rest is not read. */
export function tooLarge(detail: string): ProblemError {
  return new ProblemError(413, { detail, headers: { connection: "close" } });
}
