// What the page keeps in the browser. A private window may refuse; then the page works without.

const PREFIX = "portside.";

/** Returns a stored text; null without one. */
export function load(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** Stores a text; null removes it. Returns whether it is stored. */
export function save(key, text) {
  try {
    if (text === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, text);
    return true;
  } catch {
    return false;
  }
}

/** Returns a stored value; undefined if there is none, or if it is damaged. */
export function loadValue(key) {
  try {
    return JSON.parse(load(key) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

/** Stores a value as JSON. Returns whether it is stored. */
export function saveValue(key, value) {
  return save(key, JSON.stringify(value));
}

/** Returns the stored keys that begin with a prefix, without the prefix. */
export function keysOf(prefix) {
  try {
    const all = Object.keys(localStorage);
    const start = PREFIX + prefix;
    return all.filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
  } catch {
    return [];
  }
}

/** Calls back when another tab stores something. */
export function onOtherTab(prefix, act) {
  addEventListener("storage", ({ key, newValue }) => {
    if (key?.startsWith(PREFIX + prefix)) act(key.slice(PREFIX.length + prefix.length), newValue);
  });
}
