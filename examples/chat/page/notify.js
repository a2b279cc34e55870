// Sound and notifications of private messages and of mentions. Both are off until the user asks.

import { $ } from "./dom.js";
import { t } from "./language.js";
import { callsMe } from "./message.js";
import { open } from "./places.js";
import { emit, on } from "./signals.js";
import { conversations, current } from "./state.js";
import { load, save } from "./store.js";
import { workerReady } from "./worker.js";

let sound = load("sound") === "on";
let notifications = load("notifications") === "on" && "Notification" in globalThis &&
  Notification.permission === "granted";

let audio;
/** Plays two short tones. */
function ring() {
  audio ??= new AudioContext();
  [660, 880].forEach((frequency, i) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const begin = audio.currentTime + i * 0.12;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.08, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.12);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.12);
  });
}

/** Shows a notification; by the service worker, because phones permit nothing else. */
async function show(conversation, { from, text }) {
  const title = conversation.direct ? from : t.mentionOf(from, conversation.title);
  const options = {
    body: text.slice(0, 200),
    tag: conversation.key,
    icon: new URL("icon-192.png", import.meta.url).href,
    data: { target: conversation.key },
  };
  const registration = await workerReady();
  if (registration) return await registration.showNotification(title, options);
  const shown = new Notification(title, options);
  shown.onclick = () => {
    focus();
    openKey(conversation.key);
  };
}
function openKey(key) {
  const found = conversations.find((one) => one.key === key);
  if (found) open(found);
}
navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  if (data?.type === "open") openKey(data.target);
});

on("news", ({ conversation, item }) => {
  if (!conversation.direct && !callsMe(item)) return;
  if (conversation === current && !document.hidden) return;
  if (sound) ring();
  if (notifications) void show(conversation, item);
});

function draw() {
  $("sound").textContent = t.sound[sound ? "on" : "off"];
  $("notifications").textContent = t.notifications[notifications ? "on" : "off"];
  $("notifications").hidden = !("Notification" in globalThis);
}
on("language", draw);
$("sound").addEventListener("click", () => {
  sound = !sound;
  save("sound", sound ? "on" : "off");
  if (sound) ring();
  draw();
});
$("notifications").addEventListener("click", async () => {
  if (!notifications && await Notification.requestPermission() !== "granted") {
    return emit("fault", { word: "notificationsDenied" });
  }
  notifications = !notifications;
  save("notifications", notifications ? "on" : "off");
  draw();
});
