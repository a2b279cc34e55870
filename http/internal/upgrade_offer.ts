import type { Connection } from "../../net/connection/connection.ts";
import { NetError } from "../../net/errors/errors.ts";
import { ignoreFailure } from "../../net/internal/ignore_failure.ts";
import { lowerAscii } from "../../net/text.ts";
import { parseList } from "../header_list.ts";

/** A connection that no longer speaks HTTP. */
export interface Handed {
  readonly connection: Connection;
}

/** The connection of a request for another protocol, until the response. */
export class Offer {
  /** The response that accepts the offer. */
  response: Response | undefined;
  readonly #handed = Promise.withResolvers<Handed>();

  constructor(
    /** The protocols of the request, in lower case. */
    readonly protocols: readonly string[],
  ) {
    void ignoreFailure(this.#handed.promise);
  }

  get handed(): Promise<Handed> {
    return this.#handed.promise;
  }

  hand(handed: Handed): void {
    this.#handed.resolve(handed);
  }

  /** Withdraws the offer, because the connection still speaks HTTP. */
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

/** Returns the offer of a request, if there is one. */
export function offerOf(request: Request): Offer | undefined {
  return offers.get(request);
}
