"use strict";
// ---- Words -----------------------------------------------------------------------------
const WORDS = {
  en: {
    intro: "One chat for browsers and terminals.",
    yourName: "Your name",
    enter: "Join",
    message: "Message",
    send: "Send",
    rooms: "Rooms",
    newRoom: "Join or create a room",
    go: "Go",
    people: (n) => `People (${n})`,
    you: "you",
    typeHere: "Message, or /help",
    connected: "Connected",
    connecting: "Connecting …",
    retryIn: (s) => `Reconnecting in ${s} s`,
    retryNow: "Now",
    sending: "sending …",
    waiting: "not sent yet",
    lost: "not sent",
    jump: (n) => n ? `${n} new ↓` : "Newest ↓",
    empty: "Nobody has said anything yet. Say hello.",
    to: (n) => `to ${n}`,
    from: () => "to you alone",
    gap: "Some messages were missed.",
    restarted: "The server was restarted.",
    away: "Not connected",
    offline: "Not connected: commands work again when the connection is back.",
    unanswered: (line) => `The connection broke before this was answered: ${line}`,
    many: (n) => `At most ${n} lines at once.`,
    themes: { auto: "Theme: auto", light: "Theme: light", dark: "Theme: dark" },
    other: "中文",
    otherLabel: "切换到中文",
    roomHint: "#tea",
    unreachable: "The server cannot be reached.",
    log: "Messages",
    lines: "Messages of",
  },
  zh: {
    intro: "同一个聊天室，浏览器和终端都能用。",
    yourName: "你的名字",
    enter: "加入",
    message: "消息",
    send: "发送",
    rooms: "房间",
    newRoom: "加入或新建房间",
    go: "进入",
    people: (n) => `在线（${n}）`,
    you: "你",
    typeHere: "输入消息，或 /help",
    connected: "已连接",
    connecting: "正在连接……",
    retryIn: (s) => `${s} 秒后重新连接`,
    retryNow: "立即",
    sending: "发送中……",
    waiting: "尚未发送",
    lost: "未发送",
    jump: (n) => n ? `${n} 条新消息 ↓` : "最新消息 ↓",
    empty: "还没有人说话，打个招呼吧。",
    to: (n) => `发给 ${n}`,
    from: () => "仅你可见",
    gap: "有些消息未能收到。",
    restarted: "服务器已重新启动。",
    away: "未连接",
    offline: "尚未连接：连接恢复后才能使用命令。",
    unanswered: (line) => `连接中断，未收到答复：${line}`,
    many: (n) => `一次最多 ${n} 行。`,
    themes: { auto: "主题：自动", light: "主题：浅色", dark: "主题：深色" },
    other: "English",
    otherLabel: "Switch to English",
    roomHint: "#茶馆",
    unreachable: "无法连接到服务器。",
    log: "消息",
    lines: "消息：",
  },
};
const store = {
  get(key) {
    try {
      return localStorage.getItem(`portside.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`portside.${key}`, value);
    } catch { /* Private window. */ }
  },
};
const preferred = () => {
  const asked = [new URLSearchParams(location.search).get("lang"), store.get("lang")];
  // The last one is the language of the server.
  for (const tag of [...asked, ...navigator.languages ?? [], document.documentElement.lang]) {
    const lang = tag?.slice(0, 2).toLowerCase();
    if (Object.hasOwn(WORDS, lang)) return lang;
  }
  return "en";
};
let lang = preferred();
let t = WORDS[lang];
const $ = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

// ---- State -----------------------------------------------------------------------------
/** All items, oldest first; at most KEEP of them. */
let items = [];
const KEEP = 10_000, WINDOW = 300, MOST = 900, LINES = 50, FLIGHT = 20;
/** The page shows items[from..to). */
let from = 0, to = 0;
let following = true, unread = 0;
let name = store.get("name") ?? "", room = "", epoch = "", seq = 0, token;
let socket, joined = false, welcomed = false, over = "", tries = 0, retryTimer;
let members = [], rooms = [];
/** The numbers of the own lines. The name is not enough, because another user may have had it. */
const mine = new Set();
/** Unconfirmed lines in order; `flying` of them have been sent. */
const pending = new Map();
let flying = 0;
/** Ids are random, because all users see them and must not guess the next one. */
const newId = () => {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
};

// ---- Message list ------------------------------------------------------------------------
const hue = (who) => {
  let h = 0x811c9dc5;
  for (const c of who) h = Math.imul(h ^ c.codePointAt(0), 0x01000193) >>> 0;
  return (h ^ h >>> 15) % 72 * 5;
};
const clock = (at) => {
  const time = make(
    "time",
    "",
    new Date(at).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" }),
  );
  time.dateTime = new Date(at).toISOString();
  time.title = new Date(at).toLocaleString(lang);
  return time;
};
const day = (at) => new Date(at).toDateString();

/** Whether a message continues the group of the message above it. */
const goesOn = (item, before) =>
  item.kind === "message" && before?.kind === "message" && before.from === item.from &&
  before.to === item.to && !before.action && !item.action && item.at - before.at < 300_000;

/** A web address, without the punctuation that ends a sentence. */
const LINK =
  /(https?:\/\/[^\s<>"“”「」（），。；：！？、]*[^\s<>"“”「」（），。；：！？、.,;:!?'’()[\]])/i;
/** Returns a text with its web addresses as links. The links show their full address. */
function linked(text) {
  const parts = text.split(LINK);
  // Many links would slow the page down.
  if (parts.length > 40) return [text];
  return parts.map((part) => {
    if (!LINK.test(part) || !URL.canParse(part)) return part;
    const link = Object.assign(make("a", "", part), { href: part, target: "_blank" });
    link.rel = "noopener noreferrer";
    return link;
  });
}

function render(item, before) {
  if (item.kind === "day") {
    return make("p", "day", new Date(item.at).toLocaleDateString(lang, { dateStyle: "full" }));
  }
  if (item.kind !== "message") {
    const table = item.kind === "reply" && item.text.includes("\n");
    const p = make("p", `note ${item.kind}${table ? " table" : ""}`);
    const text = make("bdi", "", item.text ?? t[item.word]);
    p.append(text);
    if (item.at && item.kind === "notice") p.append(clock(item.at));
    return p;
  }
  const near = before !== undefined && item.run > 0;
  const p = make(
    "p",
    `msg${near ? "" : " first"}${item.own ? " own" : ""}${item.action ? " act" : ""}${
      item.to ? " private" : ""
    }`,
  );
  p.style.setProperty("--hue", hue(item.from));
  if (!near) {
    const head = make("span", "head");
    head.append(make("bdi", "who", item.from));
    if (item.own) head.append(" ", make("span", "you", item.to ? t.to(item.to) : `(${t.you})`));
    else if (item.to) head.append(" ", make("span", "you", t.from()));
    head.append(clock(item.at));
    p.append(head);
  }
  const text = make("span", "text");
  text.append(...linked(item.action ? `${item.from} ${item.text}` : item.text));
  text.dir = "auto";
  p.append(text);
  item.node = p;
  mark(item);
  return p;
}

/** Updates the state of a message only, so that a screen reader does not repeat the message. */
function mark({ node, state }) {
  node.querySelector(".state")?.remove();
  node.classList.toggle("lost", state === "lost");
  if (!state) return;
  const note = make("span", "state", t[state]);
  note.ariaHidden = state === "sending";
  node.append(note);
}

const log = $("log");
const below = () => log.scrollHeight - log.scrollTop - log.clientHeight;
const atBottom = () => below() < 48;

/** Changes the list without an announcement by screen readers. */
let quiet;
function quietly(change) {
  clearTimeout(quiet);
  log.setAttribute("aria-live", "off");
  change();
  quiet = setTimeout(() => log.setAttribute("aria-live", "polite"), 300);
}

function redraw(newFrom, newTo) {
  const nodes = document.createDocumentFragment();
  for (const item of items) item.node = undefined;
  from = Math.max(0, newFrom);
  to = Math.min(items.length, newTo);
  for (let i = from; i < to; i++) nodes.append(render(items[i], items[i - 1]));
  quietly(() => log.replaceChildren(nodes));
  invite();
}
/** Whether there is any message. */
let said = false;
function invite() {
  said = items.some((item) => item.kind === "message");
  $("empty")?.remove();
  if (!said) log.append(Object.assign(make("p", "", t.empty), { id: "empty" }));
}

/** Appends items. Only visible items get elements. */
function append(fresh) {
  if (fresh.length === 0) return;
  const grown = [];
  let last = items.findLast((item) => item.at);
  for (const item of fresh) {
    if (item.at && (!last || day(last.at) !== day(item.at))) {
      grown.push({ kind: "day", at: item.at });
    }
    if (item.at) last = item;
    const before = grown.at(-1) ?? items.at(-1);
    // Repeat the name every 15 lines, so that readers of long groups see it.
    item.run = goesOn(item, before) ? (before.run + 1) % 15 : 0;
    grown.push(item);
  }
  const attached = to === items.length;
  items.push(...grown);
  const surplus = items.length - KEEP;
  if (surplus > 0) {
    items.splice(0, surplus);
    from -= surplus;
    to -= surplus;
  }
  if (following && (grown.length > WINDOW || from < 0)) {
    redraw(items.length - WINDOW, items.length);
  } else if (from < 0) {
    // The visible items have been dropped.
    redraw(0, Math.max(to, MOST));
  } else if (attached && (following || to - from < MOST)) {
    const nodes = document.createDocumentFragment();
    for (let i = to; i < items.length; i++) nodes.append(render(items[i], items[i - 1]));
    log.append(nodes);
    to = items.length;
    if (following) { for (; to - from > MOST; from++) log.firstElementChild.remove(); }
  }
  if (!said) invite();
  if (following) log.scrollTop = log.scrollHeight;
  const news = fresh.filter((item) => item.kind === "message" && !item.own).length;
  if (!following || document.hidden) unread += news;
  marks();
}

/** Removes an item. The next item of its group gets the name. */
function remove(place) {
  const [item] = items.splice(place, 1);
  if (place < to) to--;
  if (place < from) from--;
  item.node?.remove();
  item.node = undefined;
  const next = items[place];
  if (next?.run > 0 && !goesOn(next, items[place - 1])) {
    next.run = 0;
    again(next);
  }
}

function marks() {
  document.title = `${unread ? `(${unread}) ` : ""}${room ? `#${room} · ` : ""}Portside`;
  $("jump").hidden = following;
  $("jump").textContent = t.jump(unread);
}

function follow() {
  following = true;
  if (to !== items.length || to - from > MOST) redraw(items.length - WINDOW, items.length);
  log.scrollTop = log.scrollHeight;
  if (!document.hidden) unread = 0;
  marks();
}

let height = 0;
log.addEventListener("scroll", () => {
  // A resize caused this event; the ResizeObserver corrects the position.
  if (log.clientHeight !== height) return;
  // Load items early, because the wheel stops at the edge.
  const soon = 2 * log.clientHeight;
  if (log.scrollTop < soon && from > 0) {
    const before = log.scrollHeight;
    const older = document.createDocumentFragment();
    const start = Math.max(0, from - WINDOW);
    for (let i = start; i < from; i++) older.append(render(items[i], items[i - 1]));
    from = start;
    quietly(() => log.prepend(older));
    log.scrollTop += log.scrollHeight - before;
    for (; to - from > MOST; to--) log.lastElementChild.remove();
  } else if (to < items.length && below() < soon) {
    const end = Math.min(items.length, to + WINDOW);
    const newer = document.createDocumentFragment();
    for (; to < end; to++) newer.append(render(items[to], items[to - 1]));
    log.append(newer);
    const before = log.scrollHeight;
    for (; to - from > MOST; from++) log.firstElementChild.remove();
    log.scrollTop -= before - log.scrollHeight;
  }
  following = to === items.length && atBottom();
  if (following && !document.hidden) unread = 0;
  marks();
}, { passive: true });
$("jump").addEventListener("click", () => {
  follow();
  $("text").focus();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && following) {
    unread = 0;
    marks();
  }
});
// The window, the keyboard of a phone or the text box has changed the size.
new ResizeObserver(() => {
  height = log.clientHeight;
  if (following) log.scrollTop = log.scrollHeight;
}).observe(log);

// ---- People and rooms --------------------------------------------------------------------
function drawPeople() {
  $("people-title").textContent = $("people-toggle").textContent = t.people(members.length);
  $("people").replaceChildren(...members.map((who) => {
    const li = make("li");
    li.style.setProperty("--hue", hue(who));
    li.append(make("span", "dot"), make("bdi", "", who));
    if (who === name) li.append(" ", make("span", "", `(${t.you})`));
    return li;
  }));
}
let peopleDue = 0, roomsDue = 0, askedAt = 0, answeredAt = 0;
function peopleChanged() {
  // Many users can join or leave together, so draw once for all of them.
  peopleDue ||= setTimeout(() => {
    peopleDue = 0;
    drawPeople();
    drawRooms();
  }, 200);
  roomsDue ||= setTimeout(() => {
    roomsDue = 0;
    askRooms();
  }, 1000);
}
function askRooms() {
  if (welcomed && transmit({ type: "rooms" })) askedAt ||= Date.now();
}
// A broken connection can be silent. A missing answer reveals it.
setInterval(() => {
  if (askedAt && Date.now() - askedAt > 20_000) {
    const dead = socket;
    lost();
    dead?.close();
  } else if (!askedAt && Date.now() - answeredAt > 10_000) askRooms();
}, 2000);
let drawn = "";
function drawRooms() {
  const list = rooms.map((one) => one.name === room ? { name: room, count: members.length } : one);
  const key = JSON.stringify([room, list]);
  if (key === drawn) return;
  drawn = key;
  const focused = document.activeElement?.dataset.room;
  $("rooms").replaceChildren(...list.map(({ name: other, count }) => {
    const button = make("button");
    button.type = "button";
    button.dataset.room = other;
    button.append(make("bdi", "", `#${other}`), make("small", "", String(count)));
    if (other === room) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      if (other !== room) command(`/join #${other}`);
      closeSide();
      $("text").focus();
    });
    const li = make("li");
    li.append(button);
    return li;
  }));
  if (focused) {
    [...$("rooms").querySelectorAll("button")].find((b) => b.dataset.room === focused)?.focus();
  }
}
function closeSide() {
  $("side").classList.remove("open");
  $("people-toggle").setAttribute("aria-expanded", "false");
}
$("stage").addEventListener("click", closeSide);
$("people-toggle").addEventListener("click", () => {
  const open = $("side").classList.toggle("open");
  $("people-toggle").setAttribute("aria-expanded", String(open));
  if (!open) return;
  $("people").focus();
  askRooms();
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !$("side").classList.contains("open")) return;
  closeSide();
  $("people-toggle").focus();
});
$("newroom").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = $("roomname").value.trim().replace(/^#/, "");
  if (wanted && command(`/join #${wanted}`)) {
    $("roomname").value = "";
    closeSide();
    $("text").focus();
  }
});

// ---- Connection --------------------------------------------------------------------------
const transmit = (message) => {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
};
function status(text, away = false) {
  $("status-text").textContent = text;
  // A screen reader must not announce the countdown every second.
  const spoken = away ? t.away : t.connected;
  if ($("spoken").textContent !== spoken) $("spoken").textContent = spoken;
  $("status").classList.toggle("away", away);
  $("retry").hidden = !(away && retryTimer);
}

function enter() {
  const since = joined && epoch ? { since: { epoch, seq }, token } : {};
  return transmit({ type: "join", name, room: room || undefined, lang, ...since });
}
function connect() {
  clearInterval(retryTimer);
  retryTimer = undefined;
  welcomed = false;
  askedAt = 0;
  status(t.connecting, true);
  $("enter").disabled = true;
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = "";
  const mine = socket = new WebSocket(url);
  mine.onopen = enter;
  mine.onmessage = ({ data }) => {
    if (socket === mine) take(JSON.parse(data));
  };
  mine.onclose = () => {
    if (socket === mine) lost();
  };
}

function lost() {
  socket = undefined;
  welcomed = false;
  askedAt = 0;
  flush();
  flying = 0;
  for (const [id, item] of pending) {
    if (item.kind === "message") {
      setState(item, "waiting");
      continue;
    }
    pending.delete(id);
    if (item.state === "sending") queue({ kind: "fault", text: t.unanswered(item.sent) });
  }
  $("enter").disabled = false;
  if (over) return ask(over);
  if (!joined) {
    if (!$("fault").textContent) $("fault").textContent = t.unreachable;
    return;
  }
  const wait = Math.min(15, 0.5 * 2 ** tries++) * (0.5 + Math.random());
  const due = Date.now() + wait * 1000;
  const tick = () => {
    const left = due - Date.now();
    if (left <= 0) connect();
    else status(t.retryIn(Math.ceil(left / 1000)), true);
  };
  retryTimer = setInterval(tick, 250);
  tick();
}
/** Shows the form with a message. */
function ask(text) {
  joined = false;
  over = "";
  $("chat").hidden = true;
  $("join").hidden = false;
  document.title = "Portside";
  $("fault").textContent = text;
  $("enter").disabled = false;
  $("name").value = name;
  $("name").focus();
  $("name").select();
}
/** Handles the refusal of a join. */
function refused({ code, text }) {
  // A full server can have room later, so the page keeps trying.
  if (joined && (code === "full" || code === "stopping")) return socket.close();
  if (code?.startsWith("room")) room = "";
  ask(text);
}
const now = () => {
  if (retryTimer) connect();
};
$("retry").addEventListener("click", now);
addEventListener("online", now);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) now();
});

/** Events within 30 ms are drawn together. */
let inbox = [], due = 0;
function flush() {
  clearTimeout(due);
  due = 0;
  const batch = inbox;
  inbox = [];
  append(batch);
}
function queue(item) {
  inbox.push(item);
  // No animation frame, because a hidden page has none.
  due ||= setTimeout(flush, 30);
}

function toItem(event, own) {
  if (event.type === "notice") return { kind: "notice", at: event.at, text: event.text };
  return {
    kind: "message",
    at: event.at,
    from: event.from,
    to: event.to,
    text: event.text,
    action: event.action === true,
    own,
  };
}

/** Removes an answered line and sends the next ones. */
function settle(id) {
  const item = pending.get(id);
  if (!item) return undefined;
  pending.delete(id);
  if (item.state === "sending") flying--;
  pump();
  return item;
}
/** Replaces an own message with the confirmed one, in the order of the room. */
function confirmed(event) {
  const item = settle(event.id);
  if (item?.kind !== "message") return false;
  flush();
  const { at, text } = event;
  const same = item.text === text && Math.abs(item.at - at) < 30_000;
  Object.assign(item, { at, text, state: undefined });
  const place = items.indexOf(item);
  const heard = ({ kind, state }) => (kind === "message" || kind === "notice") && !state;
  if (place !== -1 && !items.some((later, i) => i > place && heard(later))) {
    if (same) setState(item);
    else again(item);
  } else {
    if (place !== -1) remove(place);
    append([item]);
  }
  return true;
}
/** Sends waiting lines in order, at most FLIGHT at once because of the rate limit of the server. */
function pump() {
  if (!welcomed) return;
  for (const [id, item] of pending) {
    if (item.state === "sending") continue;
    if (flying >= FLIGHT) return;
    if (item.kind === "command" && !item.answered) {
      pending.delete(id);
      transmit({ type: "say", text: item.sent });
    } else if (transmit({ type: "say", text: item.sent, id })) {
      flying++;
      setState(item, "sending");
    }
  }
}
function setState(item, state) {
  item.state = state;
  if (item.node?.isConnected) mark(item);
}
function again(item) {
  if (item.node?.isConnected) item.node.replaceWith(render(item, items[items.indexOf(item) - 1]));
}

function welcome(event) {
  const back = joined && event.room === room;
  const missed = event.epoch === epoch ? "gap" : "restarted";
  if (event.epoch !== epoch) mine.clear();
  name = event.name;
  room = event.room;
  epoch = event.epoch;
  token = event.token;
  members = event.members;
  if (!joined) {
    joined = true;
    store.set("name", name);
    $("join").hidden = true;
    $("chat").hidden = false;
    $("text").focus();
  }
  tries = 0;
  $("fault").textContent = "";
  $("room").textContent = `#${room}`;
  log.setAttribute("aria-label", `${t.lines} #${room}`);
  flush();
  if (!back) {
    items = [];
    unread = 0;
    following = true;
    redraw(0, 0);
  } else if (!event.complete) queue({ kind: "notice", word: missed });
  for (const e of event.events) {
    if (e.from === name && confirmed(e)) mine.add(e.seq);
    else queue(toItem(e, mine.has(e.seq)));
  }
  flush();
  if (!back) append([...pending.values()].filter(({ kind }) => kind === "message"));
  seq = event.seq ?? event.events.at(-1)?.seq ?? seq;
  status(t.connected);
  drawPeople();
  drawRooms();
  // Only now, so that lines which the history confirms are not sent again.
  welcomed = true;
  pump();
  askRooms();
}

function take(event) {
  if (event.seq > seq && event.type !== "welcome") seq = event.seq;
  switch (event.type) {
    case "welcome":
      return welcome(event);
    case "message":
      if (event.own) mine.add(event.seq);
      if (!(event.own && confirmed(event))) queue(toItem(event, event.own));
      return;
    case "private":
      if (!(event.own && confirmed(event))) queue(toItem(event, event.own));
      return;
    case "notice": {
      const { code, params } = event;
      if (code === "joined" && !members.includes(params.name)) members.push(params.name);
      if (code === "left") members = members.filter((who) => who !== params.name);
      if (code === "renamed") {
        members = members.map((who) => who === params.from ? params.to : who);
        if (params.from === name && event.own) {
          name = params.to;
          store.set("name", name);
        }
      }
      peopleChanged();
      queue(toItem(event));
      return;
    }
    case "rooms":
      askedAt = 0;
      answeredAt = Date.now();
      rooms = event.rooms;
      return drawRooms();
    case "reply":
    case "error": {
      if (!welcomed) return refused(event);
      const item = settle(event.id);
      if (item) setState(item, "lost");
      queue({ kind: event.type === "error" ? "fault" : "reply", text: event.text });
      return;
    }
    case "bye":
      if (event.code !== "shutdown") over = event.text;
      queue({ kind: "notice", at: Date.now(), text: event.text });
      return;
  }
}

// ---- Writing -----------------------------------------------------------------------------
/** An action is a message: it is shown at once, and sent again after a disconnection. */
const ACTION = /^\/me\s+(?=\S)/i;
const isCommand = (text) => /^\/(?!\/)/.test(text) && !ACTION.test(text);
function command(text) {
  if (!welcomed) {
    queue({ kind: "fault", word: "offline" });
    return false;
  }
  // Only /msg has an answer that confirms it. The effect of other commands is visible.
  pending.set(newId(), { kind: "command", sent: text, answered: /^\/msg\s/i.test(text) });
  pump();
  return true;
}
function say(text) {
  const action = ACTION.test(text);
  const id = newId();
  const item = {
    kind: "message",
    at: Date.now(),
    from: name,
    text: action ? text.replace(ACTION, "") : text.replace(/^\/\//, "/"),
    sent: text,
    action,
    own: true,
    state: "waiting",
  };
  pending.set(id, item);
  flush();
  pump();
  append([item]);
}
function submit() {
  const lines = $("text").value.split(/[\r\n]+/).map((line) => line.trimEnd()).filter(Boolean);
  if (lines.length === 0) return;
  if (lines.length > LINES) return queue({ kind: "fault", text: t.many(LINES) });
  if (lines.length === 1 && isCommand(lines[0])) { if (!command(lines[0])) return; }
  else for (const line of lines) say(line.startsWith("/") && lines.length > 1 ? `/${line}` : line);
  $("text").value = "";
  grow();
  follow();
}
function grow() {
  const box = $("text");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
  // The measurement has shrunk the box for a moment, which moved the list.
  if (following) log.scrollTop = log.scrollHeight;
}
$("text").addEventListener("input", grow);
$("text").addEventListener("keydown", (event) => {
  // Enter during the composition of an input method chooses a word and does not send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  submit();
});
$("write").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
  $("text").focus();
});
$("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  name = $("name").value.trim();
  if (!name) return;
  $("fault").textContent = "";
  if (!enter()) connect();
});

// ---- Language and theme ------------------------------------------------------------------
const THEMES = ["auto", "light", "dark"];
let theme = THEMES.includes(store.get("theme")) ? store.get("theme") : "auto";
function dress() {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").textContent = t.themes[theme];
}
function speak() {
  t = WORDS[lang];
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t[element.dataset.t];
  }
  $("text").placeholder = t.typeHere;
  $("write").setAttribute("aria-label", t.message);
  $("roomname").placeholder = t.roomHint;
  for (const button of document.querySelectorAll(".lang")) {
    button.textContent = t.other;
    button.lang = lang === "en" ? "zh-CN" : "en";
    button.setAttribute("aria-label", t.otherLabel);
  }
  log.setAttribute("aria-label", t.log);
  dress();
  marks();
}
$("theme").addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  store.set("theme", theme);
  dress();
});
function switchLanguage() {
  lang = lang === "en" ? "zh" : "en";
  store.set("lang", lang);
  speak();
  if (!joined) return;
  transmit({ type: "lang", lang });
  drawPeople();
  redraw(from, to);
  if (following) log.scrollTop = log.scrollHeight;
  status(welcomed ? t.connected : t.connecting, !welcomed);
}
for (const button of document.querySelectorAll(".lang")) {
  button.addEventListener("click", switchLanguage);
}
speak();
$("name").value = name;
$("name").focus();
