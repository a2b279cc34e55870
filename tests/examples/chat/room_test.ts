import { assert, assertEquals } from "@std/assert";
import { type Room, roomKey, Rooms } from "../../../examples/chat/room.ts";

const NO_LIMITS = { maxRooms: 0, maxRoomsPerAddress: 0 };

/** Opens a room that must be opened. */
function opened(rooms: Rooms<string>, name: string, address = "a"): Room<string> {
  const room = rooms.open(name, address);
  assert(!("code" in room), JSON.stringify(room));
  return room;
}

Deno.test("Rooms finds a room by any spelling of its name", () => {
  const rooms = new Rooms<string>(NO_LIMITS);
  const tea = opened(rooms, "#Tea");
  for (const name of ["tea", "#TEA", "＃ｔｅａ"]) assertEquals(rooms.open(name, "b"), tea);
  assertEquals([tea.name, tea.key, roomKey("#TEA")], ["Tea", "#tea", "#tea"]);
  assertEquals(rooms.open("a b", "a"), { code: "room-invalid", params: {} });
});

Deno.test("Rooms counts open rooms in all, and those that an address opened", () => {
  const rooms = new Rooms<string>({ maxRooms: 4, maxRoomsPerAddress: 2 });
  const [one] = ["one", "two"].map((name) => opened(rooms, name));
  assertEquals(rooms.open("three", "a"), { code: "address-rooms", params: {} });
  opened(rooms, "three", "b");
  assertEquals(rooms.open("four", "b"), { code: "rooms-full", params: {} });
  // A closed room counts no longer.
  rooms.release(one!);
  opened(rooms, "four");
  // Limits do not apply to a room that a user was in before.
  assertEquals(rooms.restore({ key: "#five", name: "five" }).name, "five");
});

Deno.test("Rooms closes a room when nobody is in it and nobody is about to enter", () => {
  const rooms = new Rooms<string>(NO_LIMITS);
  const tea = opened(rooms, "tea");
  tea.speakers.add("Ann");
  rooms.release(tea);
  rooms.enter(tea, "Ann");
  tea.speakers.clear();
  rooms.release(tea);
  assertEquals(rooms.summary(), [{ name: "lobby", count: 0 }, { name: "tea", count: 1 }]);
  assertEquals([rooms.exit(tea, "Ann"), rooms.exit(tea, "Ann")], [true, false]);
  rooms.release(tea);
  rooms.release(tea);
  rooms.release(rooms.lobby);
  assertEquals(rooms.summary(), [{ name: "lobby", count: 0 }]);
});
