// The conversation in the address: `#/room/tea`, `#/with/Bob`. Back and forward work.

import { open } from "./places.js";
import { on } from "./signals.js";
import { current, directOf, me, roomOf } from "./state.js";

function read() {
  const [, kind, name] = /^#\/(room|with)\/([^/]+)$/.exec(location.hash) ?? [];
  if (!kind) return undefined;
  try {
    return { direct: kind === "with", name: decodeURIComponent(name) };
  } catch {
    return undefined;
  }
}

/** Returns the room in the address; undefined without one. */
export function routedRoom() {
  const place = read();
  if (place && !place.direct) return place.name;
  const room = new URLSearchParams(location.search).get("room");
  return room?.replace(/^#/, "") || undefined;
}

function hashOf({ direct, name }) {
  return `#/${direct ? "with" : "room"}/${encodeURIComponent(name)}`;
}

/** Opens the private conversation in the address, once the user is in the chat. */
let wanted = read();
on("online", () => {
  if (wanted?.direct) open(directOf(wanted.name));
  wanted = undefined;
});

let moving = false;
on("current", (before) => {
  const hash = hashOf(current);
  if (location.hash === hash || moving) return;
  if (wanted?.direct) return;
  const url = new URL(location.href);
  url.searchParams.delete("room");
  url.hash = hash;
  if (before) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
});
addEventListener("popstate", () => {
  const place = read();
  if (!place || !me.joined) return;
  moving = true;
  open(place.direct ? directOf(place.name) : roomOf(place.name));
  moving = false;
});
