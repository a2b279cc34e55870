// Loads the page again if one of its files is missing. This happens when the server was updated between
// the page and its files: the path of a file names its version, so old and new files never mix.

const KEY = "portside.reloads";
let failed = false;

addEventListener("error", ({ target }) => {
  if (!(target instanceof HTMLScriptElement || target instanceof HTMLLinkElement)) return;
  if (failed) return;
  failed = true;
  let tries = 0;
  try {
    tries = Number(sessionStorage.getItem(KEY));
    sessionStorage.setItem(KEY, String(tries + 1));
  } catch {
    return; // Without a counter, the page could reload for ever.
  }
  if (tries < 3) setTimeout(() => location.reload(), 1000 * (tries + 1));
}, true);
addEventListener("load", () => {
  if (failed) return;
  try {
    sessionStorage.removeItem(KEY);
  } catch { /* A private window has no storage. */ }
});
