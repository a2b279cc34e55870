/**
 * Decodes a text that comes in pieces. `TextDecoder` of Deno 2.9 loses each U+FEFF at the beginning of a
 * piece, and not only the byte order mark at the beginning of the text (Encoding standard §7.1).
 */
export class StreamDecoder {
  readonly #decoder: TextDecoder;
  #begun = false;

  /**
   * Makes a decoder for one text.
   *
   * @param label A label of the Encoding standard.
   * @param options `fatal`: whether malformed bytes throw a `TypeError`. Default: false.
   * @throws {RangeError} If the label is unknown.
   */
  constructor(label = "utf-8", { fatal = false }: { readonly fatal?: boolean } = {}) {
    this.#decoder = new TextDecoder(label, { fatal, ignoreBOM: true });
  }

  /** The name of the encoding. */
  get encoding(): string {
    return this.#decoder.encoding;
  }

  /** Decodes the next bytes. Without `stream`, the text ends with them. */
  decode(input?: Uint8Array, { stream = false }: { readonly stream?: boolean } = {}): string {
    const text = this.#decoder.decode(input, { stream });
    const isFirst = !this.#begun && text !== "";
    this.#begun = stream && (this.#begun || isFirst);
    return isFirst && text.startsWith("\ufeff") ? text.slice(1) : text;
  }
}

/** Returns a stream that decodes UTF-8. */
export function utf8Stream(): TransformStream<Uint8Array, string> {
  const decoder = new StreamDecoder();
  return new TransformStream({
    transform: (bytes, controller) => controller.enqueue(decoder.decode(bytes, { stream: true })),
    flush: (controller) => controller.enqueue(decoder.decode()),
  });
}
