/**
 * Reports an input that blocks the event loop for ever. A Worker looks at the memory in which the current
 * input is.
 *
 * @module
 */

/** Maximum number of characters of an input that are shown. */
const MOST = 64 * 1024;
/** Time without a new input after which the process ends, in milliseconds. */
const PATIENCE = 120_000;

/** Watches the inputs of one thread. */
export class Watchdog implements Disposable {
  /** The number of the input, its size and its characters. */
  readonly #memory = new Uint32Array(new SharedArrayBuffer(8));
  readonly #text = new Uint16Array(new SharedArrayBuffer(2 * MOST));
  readonly #worker = new Worker(import.meta.resolve("./_watch_inputs.ts"), { type: "module" });
  #target = "";

  constructor() {
    this.#worker.postMessage({
      memory: this.#memory,
      text: this.#text,
      pid: Deno.pid,
      patience: PATIENCE,
    });
  }

  /** The name of the target that is fed. */
  set target(name: string) {
    this.#target = name;
    this.#worker.postMessage({ target: this.#target });
  }

  /** Tells the next input. */
  feed(input: string): void {
    const size = Math.min(input.length, MOST);
    for (let i = 0; i < size; i++) this.#text[i] = input.charCodeAt(i);
    this.#memory[1] = size;
    Atomics.add(this.#memory, 0, 1);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
