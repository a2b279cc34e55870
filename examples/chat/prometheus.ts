/**
 * The text format of Prometheus, version 0.0.4.
 *
 * @module
 */

/** One metric with its values. */
export interface Metric {
  /** The name of the metric, e.g. `chat_users`. */
  readonly name: string;
  /** A description in one line. */
  readonly help: string;
  /** A counter only grows; a gauge can also shrink. A histogram counts values up to each bound. */
  readonly type: "counter" | "gauge" | "histogram";
  /** A single value, or one for each value of a label. */
  readonly value: number | {
    readonly label: string;
    readonly values: Readonly<Record<string, number>>;
  } | Histogram;
}

/** The values of a histogram. */
export interface Histogram {
  /** The number of values up to each bound. The last bound is `+Inf`. */
  readonly buckets: readonly (readonly [bound: string, count: number])[];
  /** The sum of all values. */
  readonly sum: number;
  /** The number of values. */
  readonly count: number;
}

/** The media type of the format. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Formats metrics as text.
 *
 * @param metrics The metrics in the order of the output.
 * @returns The text for a response with {@linkcode METRICS_TYPE}.
 */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics.map(({ name, help, type, value }) => {
    const head = `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n`;
    if (typeof value === "number") return `${head}${name} ${value}\n`;
    if ("buckets" in value) return head + histogram(name, value);
    const lines = Object.entries(value.values).map(([key, each]) =>
      `${name}{${value.label}="${escape(key).replaceAll('"', '\\"')}"} ${each}\n`
    );
    return head + lines.join("");
  }).join("");
}

function histogram(name: string, { buckets, sum, count }: Histogram): string {
  const lines = buckets.map(([bound, each]) => `${name}_bucket{le="${bound}"} ${each}\n`);
  return `${lines.join("")}${name}_sum ${sum}\n${name}_count ${count}\n`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
