// Messages between the modules of the page, so that they need not import each other.

/** @type {Map<string, ((detail: any) => void)[]>} */
const listeners = new Map();

/** Calls a function at every signal of a type, in the order of registration. */
export function on(type, act) {
  listeners.set(type, [...listeners.get(type) ?? [], act]);
}

/** Sends a signal. */
export function emit(type, detail) {
  for (const act of listeners.get(type) ?? []) act(detail);
}
