// The offline shell: the page opens without a network, shows what it has, and connects when it can.
// A cache holds the files of one version only.

const VERSION = "__VERSION__";
const CACHE = `portside-${VERSION}`;
const FILES = "__FILES__".split(" ").map((name) => `page/${VERSION}/${name}`);
const SHELL = self.registration.scope;

/** Stores the page and its files. Fails if the server has another version by now. */
async function install() {
  const page = await fetch(SHELL, { cache: "no-cache" });
  if (!page.ok || !(await page.clone().text()).includes(`page/${VERSION}/`)) {
    throw new Error("the page has another version");
  }
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES);
  await cache.put(SHELL, page);
  await self.skipWaiting();
}

async function removeOthers() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("portside-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** Returns the page from the server; the stored one if the server cannot be reached. */
async function shell(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const stored = await caches.match(SHELL, { cacheName: CACHE });
    if (stored === undefined) throw error;
    return stored;
  }
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(removeOthers()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    const { pathname } = new URL(request.url);
    if (pathname === new URL(SHELL).pathname) event.respondWith(shell(request));
  } else if (request.url.startsWith(`${SHELL}page/`)) {
    event.respondWith(
      caches.match(request).then((stored) => stored ?? fetch(request)),
    );
  }
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { target } = event.notification.data ?? {};
  event.waitUntil((async () => {
    const [page] = await self.clients.matchAll({ type: "window" });
    if (page === undefined) return self.clients.openWindow(`${SHELL}${target ?? ""}`);
    page.postMessage({ type: "open", target });
    return page.focus();
  })());
});
