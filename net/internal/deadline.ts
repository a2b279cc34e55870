import { Alarm } from "./timer.ts";

/**
 * Waits for `promise` for up to `timeout` milliseconds (0 for no limit), or until `signal` is aborted.
 * It does not stop the work behind the promise: the caller must do that, for example by closing a
 * connection. A later rejection is ignored.
 */
export function withDeadline<T>(
  promise: Promise<T>,
  timeout: number,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const alarm = new Alarm(() => settle(reject, late()));
    if (timeout > 0) alarm.start(timeout);
    const onAbort = () => settle(reject, signal!.reason);
    function settle<V>(done: (value: V) => void, value: V): void {
      alarm.stop();
      signal?.removeEventListener("abort", onAbort);
      done(value);
    }
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort);
    promise.then((value) => settle(resolve, value), (error) => settle(reject, error));
  });
}
