/**
 * The interface between a face and the chat. Private to the chat.
 *
 * **Permissions**: none.
 *
 * @module
 */

import type {
  ChatEvent,
  HistoryQuery,
  Params,
  RefusalCode,
  RoomEvent,
  SearchRequest,
} from "./events.ts";

/** The reason for which a user left, for the log. Other users do not see it. */
export type LeaveReason =
  /** `/quit`. */
  | "quit"
  /** The user ended the connection. */
  | "ended"
  /** The connection broke or was idle for too long. */
  | "lost"
  /** The user did not read, and the send queue was full. */
  | "slow"
  /** The user wrote faster than the chat can read. */
  | "flood"
  /** The server shuts down. */
  | "shutdown"
  /** The face failed. */
  | "error";

/** The connection of one user. */
export interface Face {
  /** The address of the user, for the log. */
  readonly address: string;
  /** The address without a port, and the network of 64 bits for IPv6: limits per address count it. */
  readonly network: string;
  /**
   * The number of rooms that the face can show. With "one", `/join` leaves the old room. With "many",
   * a later connection can resume the session, so the session survives the end of the connection.
   */
  readonly rooms: "one" | "many";
  /** The part of a history that a welcome may have for this face. */
  readonly replay: Replay;
  /**
   * Receives events of a room that another user caused, in their order, and does not wait for the user.
   * All users in the room receive the same array, so that it can be encoded once.
   *
   * @param events The events, at least one.
   */
  hear(events: readonly RoomEvent[]): void;
  /**
   * Receives an event for this user alone, or one that this user caused, and does not wait for the user.
   *
   * @param event The event of the chat.
   * @param own Whether this user caused the event.
   */
  deliver(event: ChatEvent, own: boolean): void;
}

/** The limits of the history in one welcome. */
export interface Replay {
  /** The maximum number of messages. */
  readonly messages: number;
  /** The approximate maximum size in bytes. */
  readonly bytes: number;
}

/** The id, the destination and the attachments of a line. */
export interface LineOptions {
  /** An id that comes back with the message, the reply or the error. */
  readonly id?: number;
  /** The room of the line, with or without `#`. @default the current room */
  readonly room?: string;
  /** The id of the other user, for a private message. */
  readonly peer?: string;
  /** The number of the message that this one answers. */
  readonly reply?: number;
  /** The ids of files, which the user has uploaded. */
  readonly files?: readonly string[];
  /** The context of OpenTelemetry that the line belongs to. */
  readonly trace?: string;
}

/** The request of a face to admit a user. */
export interface JoinRequest {
  /** The name as the user entered it. */
  readonly name: string;
  /** The room, with or without `#`. @default "lobby" */
  readonly room?: string;
  /** Further rooms to be in. Only a face for many rooms can have some. */
  readonly rooms?: readonly string[];
  /** The last event that the user has seen on an earlier connection, and the rooms that he saw. */
  readonly since?: Since;
  /** The token of an earlier connection. It proves who the user is. */
  readonly token?: string;
}

/** The events that a returning user has seen. */
export interface Since {
  /** The epoch of the numbers. */
  readonly epoch: string;
  /** The number of the last event. */
  readonly seq: number;
  /** The rooms whose events the user has seen. @default the room of the request */
  readonly rooms?: readonly string[];
}

/** The reason for which a user cannot join. */
export interface ChatRefusal {
  /** The kind of the refusal. */
  readonly code: RefusalCode;
  /** The parameters of its sentence. */
  readonly params: Params;
}

/**
 * A user in the chat, for the face of this user. All results arrive at {@linkcode Face.deliver}. After
 * the user has left, all calls do nothing.
 */
export interface Member {
  /** The id of the user. */
  readonly user: number;
  /** The current name. */
  readonly name: string;
  /** The current room, without `#`. */
  readonly room: string;
  /** All rooms of the user, without `#`. */
  readonly rooms: readonly string[];
  /** Whether this connection is in the chat. */
  readonly present: boolean;
  /**
   * Sends a line to a room or a user, or runs the command in it.
   *
   * @param line The text as the user entered it. A face for many rooms may send several lines at once.
   * @param options The id and the destination of the line. A bare number is the id.
   * @returns A promise to await before the next line if too much waits for the archive.
   */
  say(line: string, options?: LineOptions | number): Promise<void> | undefined;
  /** Resolves when all lines and changes so far have reached their readers, or were refused. */
  settled(): Promise<void>;
  /** Replaces the text of an own message; `target` is its number. */
  edit(target: number, text: string, id?: number): Promise<void>;
  /** Deletes an own message; `target` is its number. */
  remove(target: number, id?: number): Promise<void>;
  /** Adds or removes a reaction to the message with the number `target`. */
  react(target: number, emoji: string, on: boolean, id?: number): Promise<void>;
  /** Asks for a part of a history. Resolves after the answer. */
  history(query: HistoryQuery): Promise<void>;
  /** Searches the rooms and private conversations of the user. Resolves after the answer. */
  search(request: SearchRequest): Promise<void>;
  /** Leaves a room. The last room cannot be left. */
  leaveRoom(room: string, id?: number): void;
  /**
   * Reports the end of the connection. The face receives no bye and closes its connection itself. The
   * session continues for the grace period if the face can come back.
   *
   * @param reason The reason, for the log.
   */
  leave(reason: LeaveReason): void;
}
