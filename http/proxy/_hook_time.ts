import { NetError } from "../../net/errors/errors.ts";
import type { ClientWatch } from "./_client_watch.ts";
import type { Ticked } from "./_clock.ts";
import type { ProxyCore } from "./_proxy_state.ts";
import { ProxyRefusal } from "./_error_pages.ts";

/** Limits the time of the hooks of one request, and aborts their signal when the client leaves. */
export class HookTime {
  #controller: AbortController | undefined;
  #reason: NetError | undefined;
  /** Ends the wait for the current hook. */
  #onAbort: ((reason: NetError) => void) | undefined;

  /** Returns the signal of the hooks, which is made at its first use. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Ends the wait for the current hook and for all later ones. The first reason stays. */
  abort(reason: NetError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#onAbort?.(reason);
  }

  /**
   * Waits for a hook until its time limit expires. A later result is ignored.
   *
   * @param core The core of the proxy, with the limit.
   * @param hook The name of the hook.
   * @param result The value that the hook has returned.
   * @param attention Notices that the client leaves; undefined if something else does.
   * @throws {ProxyRefusal} If the limit expires, or the client leaves or has left.
   */
  async within<T>(
    { clock, limits }: ProxyCore,
    hook: string,
    result: T | Promise<T>,
    attention?: ClientWatch,
  ): Promise<T> {
    if (typeof result !== "object" || result === null || !("then" in result)) return result;
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = this.#onAbort = ({ message }: NetError) =>
      reject(new ProxyRefusal(504, "The proxy did not answer in time", message));
    if (this.#reason !== undefined) onAbort(this.#reason);
    const limit: Ticked = {
      due: clock.after(limits.hookTimeout),
      expire: () => {
        const message = `${hook} took more than ${limits.hookTimeout} ms`;
        this.abort(new NetError(message, { kind: "timeout" }));
      },
    };
    clock.watch(limit);
    const started = attention?.start();
    try {
      return await Promise.race([result, promise]);
    } finally {
      clock.unwatch(limit);
      this.#onAbort = undefined;
      if (started !== undefined) {
        await started;
        attention!.stop();
      }
    }
  }
}
