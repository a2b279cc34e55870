import {
  numberFrom,
  oneOf,
  OptionRules,
  type Rule,
  rule,
  text,
} from "../../net/internal/options.ts";
import type { NetworkFaults, ProxyFaults } from "./options.ts";

/** The directions of Toxiproxy: upstream is data from clients. */
export type ToxicStream = "upstream" | "downstream";

/** A toxic of Toxiproxy. */
export interface Toxic {
  name: string;
  type: string;
  stream: ToxicStream;
  /** Probability that a connection is affected, 0 to 1. */
  toxicity: number;
  attributes: Record<string, number>;
}

/** A toxic as a client sends it. */
export interface ToxicInput {
  name?: string;
  type?: string;
  stream?: ToxicStream;
  toxicity?: number;
  attributes?: Record<string, number>;
}

/** The attributes of each type with their defaults, and the faults that they mean. */
const TYPES: Readonly<
  Record<string, { attributes: Record<string, number>; faults: (at: Attributes) => NetworkFaults }>
> = {
  latency: {
    attributes: { latency: 0, jitter: 0 },
    faults: ({ latency = 0, jitter = 0 }) => ({ latency, jitter }),
  },
  // The rate is in 1000 bytes per second; 0 lifts the limit.
  bandwidth: {
    attributes: { rate: 0 },
    faults: ({ rate = 0 }) => rate > 0 ? { bandwidth: rate * 1000 } : {},
  },
  slow_close: { attributes: { delay: 0 }, faults: ({ delay = 0 }) => ({ closeDelay: delay }) },
  // With 0, the data is lost and the connection stays open.
  timeout: {
    attributes: { timeout: 0 },
    faults: ({ timeout = 0 }) => ({
      discard: true,
      ...timeout > 0 && { closeAfterTime: timeout },
    }),
  },
  reset_peer: {
    attributes: { timeout: 0 },
    faults: ({ timeout = 0 }) => ({ resetAfterTime: timeout }),
  },
  // The delay is in microseconds.
  slicer: {
    attributes: { average_size: 0, size_variation: 0, delay: 0 },
    faults: ({ average_size = 0, size_variation = 0, delay = 0 }) => ({
      chunkSize: Math.max(1, average_size),
      chunkVariation: size_variation,
      chunkDelay: delay / 1000,
    }),
  },
  limit_data: { attributes: { bytes: 0 }, faults: ({ bytes = 0 }) => ({ closeAfter: bytes }) },
};

type Attributes = Readonly<Record<string, number>>;

/** Most milliseconds or bytes of an attribute. */
const MOST = 2 ** 31 - 1;
const amount = numberFrom(0, MOST);
const attributes: Rule = (name, value) => {
  isObject(name, value);
  for (const [key, one] of Object.entries(value as object)) amount(`${name}.${key}`, one);
};
const isObject = rule(
  "an object",
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
);
/** The name of a proxy or a toxic. It is a part of a path. */
export const name: Rule = rule(
  "a name of at most 200 characters",
  (value) => typeof value === "string" && value.length <= 200,
);

/** The rules for a toxic that a client sends. */
export const TOXIC = new OptionRules<ToxicInput>({
  name,
  type: text,
  stream: oneOf("upstream", "downstream"),
  toxicity: numberFrom(0, 1),
  attributes,
});

/** Returns whether a type of toxics exists. */
export function isToxicType(type: string | undefined): type is string {
  return type !== undefined && Object.hasOwn(TYPES, type);
}

/** Returns the attributes of a type: those that are given, and the values before or the defaults. */
export function attributesOf(
  type: string,
  given: Attributes = {},
  before: Attributes = TYPES[type]!.attributes,
): Record<string, number> {
  const known = Object.keys(TYPES[type]!.attributes);
  return Object.fromEntries(known.map((key) => [key, given[key] ?? before[key] ?? 0]));
}

/** Returns the faults of a connection that some of the toxics affect. */
export function faultsOf(
  toxics: Iterable<Toxic>,
  draw: (name: string) => number,
): ProxyFaults {
  const faults = { upload: {}, download: {} };
  for (const { name, type, stream, toxicity, attributes } of toxics) {
    if (toxicity < 1 && draw(name) >= toxicity) continue;
    const direction = stream === "upstream" ? "upload" : "download";
    faults[direction] = combine(faults[direction], TYPES[type]!.faults(attributes));
  }
  return faults;
}

/** Combines the faults of two toxics in a row: delays add up, limits are the smaller ones. */
function combine(a: NetworkFaults, b: NetworkFaults): NetworkFaults {
  const sum: NetworkFaults = { ...a, ...b };
  for (const key of ["latency", "jitter", "closeDelay"] as const) {
    if (a[key] !== undefined && b[key] !== undefined) sum[key] = a[key] + b[key];
  }
  for (const key of ["bandwidth", "closeAfter", "closeAfterTime", "resetAfterTime"] as const) {
    if (a[key] !== undefined && b[key] !== undefined) sum[key] = Math.min(a[key], b[key]);
  }
  return sum;
}
