/** A stranger who tries to get the name of a user whose connection is lost. @module */

import { connectWebSocket } from "../../../../ws/client/client.ts";
import type { Observation, Witness } from "./observations.ts";
import { type Incoming, keyOf } from "./page_view.ts";

/** The time for one attempt, in milliseconds. */
const TIMEOUT = 2_000;

/** A stranger with many attempts. What an attempt sees that succeeds is a leak. */
export class Impostor {
  /** What the successful attempts saw. */
  readonly witnesses: Witness[] = [];
  /** The number of attempts that were refused. */
  refused = 0;
  readonly #url: () => string;

  /** @param url Returns the address of a web side. */
  constructor(url: () => string) {
    this.#url = url;
  }

  /** Tries to join under a name. Returns whether that succeeds. */
  async try(name: string): Promise<boolean> {
    try {
      await using conn = await connectWebSocket(`${this.#url()}/ws`, { timeout: TIMEOUT });
      conn.trySend(JSON.stringify({ type: "join", name }));
      const first = await conn.receive({ timeout: TIMEOUT });
      if (first === null) return false;
      const message = JSON.parse(String(first)) as Incoming;
      if (message.type === "error") this.refused++;
      else if (message.type === "welcome") {
        this.witnesses.push({
          name: `a stranger as ${name}`,
          observations: this.#seen(message),
          complete: [],
          isImpostor: true,
        });
        conn.trySend(JSON.stringify({ type: "say", text: "/quit" }));
        return true;
      }
    } catch { /* The server does not run. */ }
    return false;
  }

  #seen({ events }: Incoming): Observation[] {
    const entered: Observation = { type: "entered", place: "#lobby" };
    const lines = (events as { seq: number; text?: string }[]).flatMap(({ seq, text }) => {
      const key = keyOf(text ?? "");
      return key === undefined ? [] : [{ type: "shown", place: "#lobby", key, seq } as const];
    });
    return [entered, ...lines];
  }
}
