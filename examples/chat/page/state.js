// The state that several modules of the page share: the user, the conversations, the limits of the server.

import { emit } from "./signals.js";
import { load, loadValue, saveValue } from "./store.js";

/** The user of this page. */
export const me = {
  name: load("name") ?? "",
  /** The id of the user; undefined with a server that does not tell it. */
  user: undefined,
  token: undefined,
  epoch: "",
  /** Whether the user is in the chat, connected or not. */
  joined: false,
  /** Whether the server traces the way of lines. */
  traces: false,
};

/** The limits of the server. The welcome replaces the values. */
export const limits = { maxLine: 4096, maxLines: 200, maxFile: undefined };

/** A room, or the conversation with one person. */
export class Conversation {
  /** All items that the page has, oldest first. */
  items = [];
  members = [];
  /** The files in the text box, while another conversation is shown. */
  attached = [];
  /** The page has everything up to this number. */
  seq = 0;
  /** Whether the server has older messages. */
  more = false;
  /** Whether the items end before the newest message, after a jump to an old one. */
  detached = false;
  unread = 0;
  mentions = 0;
  /** The part that the list of messages showed last. */
  view = { from: 0, to: 0, following: true, top: 0 };
  /** Whether the server sends the messages of this room. */
  entered = false;
  /** Whether the user has asked to enter the room. */
  wanted = false;
  /** Whether the user has closed the conversation. A new message opens it again. */
  hidden = false;

  constructor(name, direct, peer) {
    /** The name of the room or of the person. */
    this.name = name;
    /** Whether it is a conversation with a person. */
    this.direct = direct;
    /** The id of the person; undefined before the first message. */
    this.peer = peer;
  }
  /** The key in the storage of the browser. */
  get key() {
    return this.direct ? `@${this.name}` : `#${this.name}`;
  }
  get title() {
    return this.direct ? this.name : `#${this.name}`;
  }
  /** The fields that name the conversation in requests. */
  get address() {
    if (!this.direct) return { room: this.name };
    return this.peer === undefined ? undefined : { peer: this.peer };
  }
}

/** All conversations in the order in which they were opened. */
export const conversations = [];

/** The conversation that is shown. */
export let current;

/** Shows another conversation. The list, the composer and the address follow the signal. */
export function setCurrent(conversation) {
  if (conversation === current) return;
  const before = current;
  current = conversation;
  emit("current", before);
}

export function findRoom(name) {
  return conversations.find((one) => !one.direct && one.name === name);
}
export function findDirect(name, peer) {
  return conversations.find((one) =>
    one.direct &&
    (peer === undefined || one.peer === undefined ? same(one.name, name) : one.peer === peer)
  );
}
const same = (a, b) => a?.toLowerCase() === b?.toLowerCase();

/** Returns the room with a name. Adds it if the page does not have it. */
export function roomOf(name) {
  return findRoom(name) ?? added(new Conversation(name, false));
}
/** Returns the conversation with a person. Adds it if the page does not have it. */
export function directOf(name, peer = peerOf(name)) {
  const found = findDirect(name, peer) ?? added(new Conversation(name, true, peer));
  found.peer ??= peer;
  if (peer !== undefined && found.peer === peer) found.name = name;
  return found;
}
function added(conversation) {
  conversations.push(conversation);
  emit("places");
  return conversation;
}
export function removeConversation(conversation) {
  const at = conversations.indexOf(conversation);
  if (at !== -1) conversations.splice(at, 1);
  emit("places");
}

/** The names that the page has seen, with the ids of the users, by lower case. */
const users = new Map();
/** Learns the name of a user. */
export function learnUser(name, user) {
  const key = name.toLowerCase();
  if (users.size > 5000) users.delete(users.keys().next().value);
  users.set(key, { name, user: user ?? users.get(key)?.user });
}
function peerOf(name) {
  return users.get(name.toLowerCase())?.user?.toString();
}
/** The known names, for mentions. */
export const people = {
  has: (name) => users.has(name.toLowerCase()),
  isMe: (name) => same(name, me.name),
};

/** Returns the session in the browser, which survives a reload. */
export function loadSession() {
  return loadValue("session");
}
/** Forgets the session, so that a reload asks for a name. */
export function endSession() {
  saveValue("session", null);
}
/** Stores the session in the browser. */
export function saveSession() {
  const rooms = conversations.filter((one) => !one.direct && one.entered).map(({ name }) => name);
  const { name, token, epoch } = me;
  saveValue("session", {
    name,
    token,
    epoch,
    rooms,
    room: current?.direct ? rooms[0] : current?.name,
  });
}
