import type { Datagram } from "./options.ts";

/** A request that waits for an answer. */
export interface Question {
  readonly from: string;
  readonly match: ((data: Uint8Array<ArrayBuffer>) => boolean) | undefined;
  readonly answered: Promise<Datagram>;
  readonly answer: (datagram: Datagram) => void;
  readonly fail: (error: unknown) => void;
}

/** The requests that wait for an answer, oldest first. */
export class PendingRequests {
  readonly #open = new Set<Question>();

  /** Adds a request that waits for a datagram from the peer `from` that `match` accepts. */
  ask(from: string, match: Question["match"]): Question {
    const { promise: answered, resolve: answer, reject: fail } = Promise.withResolvers<Datagram>();
    // The promise may reject while the datagram is still being sent and nothing awaits it yet.
    answered.catch(() => {});
    const question = { from, match, answered, answer, fail };
    this.#open.add(question);
    return question;
  }

  /** Removes a request. */
  forget(question: Question): void {
    this.#open.delete(question);
  }

  /** Ends all requests with an error. Returns false if there are none. */
  fail(error: unknown): boolean {
    const any = this.#open.size > 0;
    for (const question of this.#open) question.fail(error);
    this.#open.clear();
    return any;
  }

  /** Delivers a datagram to the request that it answers. Returns false if there is none. */
  answer(from: string, datagram: Datagram): boolean {
    for (const question of this.#open) {
      if (question.from !== from) continue;
      try {
        if (question.match?.(datagram.data) === false) continue;
        question.answer(datagram);
      } catch (error) {
        question.fail(error);
      }
      this.#open.delete(question);
      return true;
    }
    return false;
  }
}
