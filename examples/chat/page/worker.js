// The service worker, which keeps the shell of the page for times without a network.

let registration;

/** Registers the service worker, where the browser permits one. */
export function registerWorker() {
  if (!("serviceWorker" in navigator)) return;
  const url = new URL("sw.js", document.baseURI).href;
  // The policy of the page permits scripts from this one address only.
  const policy = globalThis.trustedTypes?.createPolicy("portside", {
    createScriptURL: (text) => text === url ? text : "about:blank",
  });
  const trusted = policy?.createScriptURL(url) ?? url;
  registration = navigator.serviceWorker.register(trusted).catch(() => undefined);
}

/** Returns the registration; undefined without a service worker. */
export async function workerReady() {
  return await registration;
}
