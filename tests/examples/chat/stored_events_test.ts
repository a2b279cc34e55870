import { assertEquals } from "@std/assert";
import type { StoredMessage } from "../../../examples/chat/archive/archive.ts";
import { privateEvent, roomEvent } from "../../../examples/chat/stored_events.ts";

const STORED: StoredMessage = {
  kind: "message",
  seq: 5,
  at: 9,
  room: "#tea",
  roomName: "TEA",
  user: 1,
  name: "Ann",
  text: "hi",
  action: false,
};

const EVENT = {
  type: "message",
  seq: 5,
  at: 9,
  room: "Tea",
  from: "Ann",
  user: 1,
  text: "hi",
  action: false,
} as const;

Deno.test("roomEvent() has the fields of a plain message and no others", () => {
  assertEquals(roomEvent(STORED, "Tea"), EVENT);
});

Deno.test("roomEvent() has the details of a message, without what concerns the store alone", () => {
  const file = { id: "f", name: "a.png", type: "image/png", size: 3, sha256: "0", user: 1, at: 1 };
  const stored: StoredMessage = {
    ...STORED,
    line: "77",
    reply: { seq: 2, name: "Bob", text: "who?" },
    files: [file],
    editedAt: 11,
    reactions: [
      { emoji: "👍", user: 2, name: "Bob" },
      { emoji: "🎉", user: 3, name: "Cem" },
      { emoji: "👍", user: 3, name: "Cem" },
    ],
  };
  assertEquals<unknown>(roomEvent(stored, "Tea"), {
    ...EVENT,
    id: 77,
    reply: { seq: 2, from: "Bob", text: "who?" },
    files: [{ id: "f", name: "a.png", type: "image/png", size: 3 }],
    edited: 11,
    reactions: { "👍": ["Bob", "Cem"], "🎉": ["Cem"] },
  });
  const deleted: StoredMessage = { ...STORED, text: "", deleted: true };
  assertEquals<unknown>(roomEvent(deleted, "Tea"), { ...EVENT, text: "", deleted: true });
});

Deno.test("roomEvent() translates changes", () => {
  const base = { seq: 6, at: 10, room: "#tea", user: 1, name: "Ann", target: 5 };
  const change = { seq: 6, at: 10, target: 5, from: "Ann", user: 1, room: "Tea" };
  assertEquals<unknown>(roomEvent({ ...base, kind: "edit", text: "ho", line: "8" }, "Tea"), {
    ...change,
    type: "edit",
    text: "ho",
    id: 8,
  });
  assertEquals<unknown>(roomEvent({ ...base, kind: "delete" }, "Tea"), {
    ...change,
    type: "delete",
  });
  const reaction = { kind: "reaction", emoji: "👍", on: false } as const;
  assertEquals<unknown>(roomEvent({ ...base, ...reaction }, "Tea"), {
    ...change,
    type: "reaction",
    emoji: "👍",
    on: false,
  });
});

Deno.test("privateEvent() names the other user, from the view of the reader", () => {
  const stored = { ...STORED, room: "@1:2", roomName: "" };
  const [ann, bob] = [{ user: 1, name: "Ann" }, { user: 2, name: "Bob" }];
  const { room: _room, ...rest } = EVENT;
  const event = { ...rest, type: "private", to: "Bob" };
  assertEquals<unknown>(privateEvent(stored, "Ann", bob), { ...event, peer: "2" });
  assertEquals<unknown>(privateEvent(stored, "Bob", ann), { ...event, peer: "1" });
  assertEquals<unknown>(privateEvent({ ...stored, room: "@1:1" }, "Ann", ann), {
    ...event,
    to: "Ann",
    peer: "1",
  });
});
