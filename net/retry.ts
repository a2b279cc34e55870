/** Provisional. @module */
export interface RetryOptions {
  signal?: AbortSignal;
}
export function retry<T>(fn: () => Promise<T>, _o: RetryOptions = {}): Promise<T> {
  return fn();
}
