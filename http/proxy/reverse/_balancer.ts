import { ProxyRefusal } from "../_error_pages.ts";
import { ReverseTarget, type TargetContext } from "./_target.ts";
import type { ReverseProxyChoose, ReverseProxyOptions, ReverseProxyTarget } from "./options.ts";
import type { HttpInfo } from "../../server/options.ts";

/** The number of cached targets that a function has chosen. */
const MAX_REMEMBERED = 1024;

/** Chooses a target for each request. */
export class Balancer {
  readonly #targets: readonly ReverseTarget[];
  readonly #policy: ReverseProxyOptions["policy"];
  readonly #context: TargetContext;
  readonly #byUrl = new Map<string, ReverseTarget>();
  /** The targets by the values that functions return. */
  readonly #byName = new Map<string, ReverseTarget>();
  /** Whether a function may choose new targets. */
  readonly #open: boolean;
  #next = 0;

  /**
   * Reads the targets.
   *
   * @throws {TypeError} If a target is malformed.
   */
  constructor(
    target: ReverseProxyTarget | readonly ReverseProxyTarget[] | ReverseProxyChoose,
    policy: ReverseProxyOptions["policy"] = "round-robin",
    context: TargetContext,
  ) {
    this.#context = context;
    this.#open = typeof target === "function";
    this.#policy = typeof target === "function" ? target : policy;
    const list: readonly ReverseProxyTarget[] = typeof target === "function"
      ? []
      : Array.isArray(target)
      ? target
      : [target];
    if (list.length === 0 && !this.#open) {
      throw new TypeError("target must have at least one entry, got an empty array");
    }
    for (const one of list) {
      const checked = list.length > 1 && typeof policy !== "function";
      const made = new ReverseTarget(one, context, checked);
      if (this.#byUrl.has(made.url)) {
        throw new TypeError(`target must not have the same target twice: ${made.url}`);
      }
      this.#byUrl.set(made.url, made);
      this.#byName.set(String(one), made);
    }
    this.#targets = this.targets;
  }

  /** Returns all targets. */
  get targets(): ReverseTarget[] {
    return [...this.#byUrl.values()];
  }

  /**
   * Chooses a target.
   *
   * @param request The request of the client.
   * @param info Further information about the request.
   * @param tried The targets that have failed for this request; undefined for none.
   * @returns The target; undefined if a function has chosen none.
   * @throws {ProxyRefusal} If no target is available.
   */
  choose(
    request: Request,
    info: HttpInfo,
    tried: ReadonlySet<ReverseTarget> | undefined,
  ): ReverseTarget | Promise<ReverseTarget | undefined> {
    if (typeof this.#policy === "function") return this.#ask(this.#policy, request, info);
    const targets = this.#targets;
    if (targets.length === 1) {
      const only = targets[0]!;
      if (only.full) throw busy();
      return only;
    }
    return this.#best(tried) ?? this.#none();
  }

  /** Returns whether another target is available for a request that has failed. */
  hasOther(tried: ReadonlySet<ReverseTarget>): boolean {
    return this.#targets.some((one) => !tried.has(one) && !one.down && !one.full);
  }

  #best(tried: ReadonlySet<ReverseTarget> | undefined): ReverseTarget | undefined {
    const targets = this.#targets;
    const { length } = targets;
    const policy = this.#policy;
    const start = policy === "random" ? Math.floor(Math.random() * length) : this.#next;
    let best: ReverseTarget | undefined;
    for (let i = 0; i < length; i++) {
      const one = targets[(start + i) % length]!;
      if (one.full || tried?.has(one) || one.down) continue;
      if (best === undefined || one.active < best.active) best = one;
      if (policy !== "least-connections") {
        this.#next = (start + i + 1) % length;
        return best;
      }
    }
    // Targets with the same number of requests alternate.
    this.#next = (start + 1) % length;
    return best;
  }

  #none(): never {
    if (this.#targets.some((one) => !one.down)) throw busy();
    const wait = Math.min(...this.#targets.map(({ downFor }) => downFor));
    throw new Unavailable("No server is available", Math.max(1, Math.ceil(wait / 1000)));
  }

  async #ask(
    choose: ReverseProxyChoose,
    request: Request,
    info: HttpInfo,
  ): Promise<ReverseTarget | undefined> {
    const chosen = await choose(request, info);
    if (chosen === undefined && this.#open) return undefined;
    const name = String(chosen);
    const target = this.#byName.get(name) ?? this.#remember(name);
    if (target.full) throw busy();
    return target;
  }

  #remember(name: string): ReverseTarget {
    const made = new ReverseTarget(name, this.#context, false);
    const target = this.#byUrl.get(made.url) ?? made;
    if (target === made && !this.#open) {
      throw new TypeError(`The policy chose ${made.url}: it is none of the targets`);
    }
    const [oldest] = this.#byName;
    if (this.#byName.size >= MAX_REMEMBERED) {
      this.#byName.delete(oldest![0]);
      if (this.#open) this.#byUrl.delete(oldest![1].url);
    }
    this.#byUrl.set(target.url, target);
    this.#byName.set(name, target);
    return target;
  }
}

/** Thrown if no target is available. */
export class Unavailable extends ProxyRefusal {
  constructor(
    detail: string,
    /** The value of `Retry-After` in seconds. */
    readonly retryAfter: number,
  ) {
    super(503, detail);
  }
}

function busy(): Unavailable {
  return new Unavailable("The servers are busy", 1);
}
