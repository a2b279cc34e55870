/** What clients of the chat saw, as data for the judge. @module */

/** A room as `#lobby`, or a private conversation as `@Ann+Bob`: the names in alphabetical order. */
export type Place = string;

/** Returns the place of a private conversation. */
export function privatePlace(one: string, other: string): Place {
  return one < other ? `@${one}+${other}` : `@${other}+${one}`;
}

/** Returns the names in a private conversation; undefined for a room. */
export function participants(place: Place): readonly string[] | undefined {
  return place.startsWith("@") ? place.slice(1).split("+") : undefined;
}

/** One observation of a client. Every line has a key that no other line has. */
export type Observation =
  /** The client has sent a line for the first time. */
  | { readonly type: "sent"; readonly key: string; readonly place: Place }
  /** The server has confirmed a line of the client, with its number. */
  | { readonly type: "confirmed"; readonly key: string; readonly seq: number }
  /** The server has refused a line of the client, which sends it no more. */
  | { readonly type: "refused"; readonly key: string; readonly code: string }
  /** The client asks to be in a room. From now on it may see its lines. */
  | { readonly type: "entered"; readonly place: Place }
  /** The server has told the client that it is no longer in a room. */
  | { readonly type: "left"; readonly place: Place }
  /**
   * The client shows a place from the beginning. What it shows begins with the line `from`; 0 if it
   * begins with the first line of the place. The server was at the number `upTo` then. With `gap`, the server has
   * said that the client misses too much of all private conversations together.
   */
  | {
    readonly type: "reset";
    readonly place: Place;
    readonly from: number;
    readonly upTo?: number;
    readonly gap?: true;
  }
  /** The client shows a line below the others of the place. Terminals know no numbers. */
  | { readonly type: "shown"; readonly place: Place; readonly key: string; readonly seq?: number }
  /** The client has read the whole history of a place. */
  | { readonly type: "read"; readonly place: Place; readonly lines: readonly Line[] };

/** A line with its number. */
export interface Line {
  readonly seq: number;
  readonly key: string;
}

/** A line in the store. */
export interface StoredLine extends Line {
  readonly place: Place;
  readonly author: string;
}

/** A client and what it saw, in order. */
export interface Witness {
  /** The name of the client in the chat. */
  readonly name: string;
  readonly observations: readonly Observation[];
  /** The places of which the client must show every line at the end. */
  readonly complete: readonly Place[];
  /** Whether this is a stranger under the name of a user who had only lost the connection. */
  readonly isImpostor?: true;
}

/** A whole run. */
export interface Run {
  readonly witnesses: readonly Witness[];
  /** Everything that the store has at the end. */
  readonly stored: readonly StoredLine[];
  /**
   * Lines that a full disk may have refused without their authors knowing it. Sent again, they can be
   * behind later lines of their authors.
   */
  readonly delayed?: ReadonlySet<string>;
}
