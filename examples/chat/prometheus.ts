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
  /** A counter only grows; a gauge can also shrink. */
  readonly type: "counter" | "gauge";
  /** A single value, or one for each value of a label. */
  readonly value: number | {
    readonly label: string;
    readonly values: Readonly<Record<string, number>>;
  };
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
    const lines = Object.entries(value.values).map(([key, each]) =>
      `${name}{${value.label}="${escape(key).replaceAll('"', '\\"')}"} ${each}\n`
    );
    return head + lines.join("");
  }).join("");
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
