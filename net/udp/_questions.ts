import type { Datagram } from "./options.ts";

/** Somebody who waits for an answer. */
export interface Question {
  readonly from: string;
  readonly match: ((data: Uint8Array<ArrayBuffer>) => boolean) | undefined;
  readonly answered: Promise<Datagram>;
  readonly answer: (datagram: Datagram) => void;
  readonly fail: (error: unknown) => void;
}

/** Who waits for a datagram of whom, in the order in which they asked. */
export class Questions {
  readonly #open = new Set<Question>();

  /** Waits for a datagram of the peer `from` that `match` takes for the answer. */
  ask(from: string, match: Question["match"]): Question {
    const { promise: answered, resolve: answer, reject: fail } = Promise.withResolvers<Datagram>();
    // It may fail while the question is still being sent, when nobody waits for it yet.
    answered.catch(() => {});
    const question = { from, match, answered, answer, fail };
    this.#open.add(question);
    return question;
  }

  /** Waits no longer. */
  forget(question: Question): void {
    this.#open.delete(question);
  }

  /** Gives a datagram to whom it answers; says whether there is one. */
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
