import { NetError } from "../../net/errors/errors.ts";
import type { Ticked } from "./_clock.ts";
import type { ProxyCore } from "./_core.ts";
import { ProxyRefusal } from "./_pages.ts";

/** Limits the time of the hooks of one request, and tells them when nobody waits any more. */
export class HookTime {
  #controller: AbortController | undefined;
  #reason: NetError | undefined;
  /** Gives up the hook that is under way. */
  #onAbort: ((reason: NetError) => void) | undefined;

  /** The signal of the hooks, made when one asks for it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Gives up the hook that is under way, and all that follow. The first reason stays. */
  abort(reason: NetError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#onAbort?.(reason);
  }

  /**
   * Waits for a hook as long as it may take. What it gives later is thrown away.
   *
   * @param core Has the limit.
   * @param hook The name of the hook.
   * @param result What it has returned.
   * @throws {ProxyRefusal} If it takes longer, or the client goes.
   */
  async within<T>({ clock, limits }: ProxyCore, hook: string, result: T | Promise<T>): Promise<T> {
    if (typeof result !== "object" || result === null || !("then" in result)) return result;
    const { promise, reject } = Promise.withResolvers<never>();
    this.#onAbort = ({ message }) =>
      reject(new ProxyRefusal(504, "The proxy did not answer in time", message));
    const limit: Ticked = {
      due: clock.after(limits.hookTimeout),
      expire: () => {
        const message = `${hook} took more than ${limits.hookTimeout} ms`;
        this.abort(new NetError(message, { kind: "timeout" }));
      },
    };
    clock.watch(limit);
    try {
      return await Promise.race([result, promise]);
    } finally {
      clock.unwatch(limit);
      this.#onAbort = undefined;
    }
  }
}
