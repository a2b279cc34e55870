import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import { lowerAscii } from "../../net/text.ts";
import { parseList } from "../header_list.ts";

/** A connection that HTTP has let go of. */
export interface Handed {
  readonly connection: Connection;
}

/** The connection of a request that asks for another protocol, until it has been answered. */
export class Offer {
  /** The answer that takes it. */
  response: Response | undefined;
  readonly #handed = Promise.withResolvers<Handed>();

  constructor(
    /** What the request asks for, the names in lower case. */
    readonly protocols: readonly string[],
  ) {
    this.#handed.promise.catch(() => {});
  }

  get handed(): Promise<Handed> {
    return this.#handed.promise;
  }

  hand(handed: Handed): void {
    this.#handed.resolve(handed);
  }

  /** Says that HTTP keeps it. */
  withdraw(reason?: unknown): void {
    this.#handed.reject(
      reason ?? new NetError("The request was answered otherwise", { kind: "closed" }),
    );
  }
}

const offers = new WeakMap<Request, Offer>();

/** Offers the connection of a request to its handler. */
export function offer(request: Request, upgrade: string): Offer {
  const made = new Offer(parseList(lowerAscii(upgrade)));
  offers.set(request, made);
  return made;
}

/** The offer of a request, if there is one. */
export function offerOf(request: Request): Offer | undefined {
  return offers.get(request);
}
