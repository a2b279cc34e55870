import { escapeControls } from "../../net/text.ts";
import type { DiagnoseStatus, DiagnoseStep, Diagnosis, HttpExchange } from "./diagnosis.ts";
import { dnsDetails } from "./_dns_text.ts";
import { statusLine } from "./_step_http.ts";
import { showTime, wrap } from "../internal/text.ts";

/** The look of the text. */
export interface TextOptions {
  readonly color: boolean;
  readonly width: number;
  /** Whether the user asked for a single step, which is then shown in full. */
  readonly full: boolean;
  /** Whether to show all records of a name. @default false */
  readonly all?: boolean;
}

/** The steps that lead to the answer, in sequence. */
const WAY: ReadonlySet<string> = new Set(["dns", "tcp", "tls", "http"]);

const SIGNS: Readonly<Record<DiagnoseStatus, readonly [sign: string, color: number]>> = {
  ok: ["✓", 32],
  warning: ["!", 33],
  failed: ["✗", 31],
  skipped: ["-", 90],
};

/** Returns the text: the verdict, the remedy, and each step with its time in a waterfall chart. */
export function renderDiagnosis(diagnosis: Diagnosis, options: TextOptions): string {
  const { width } = options;
  const paint = (text: string, ...codes: number[]) =>
    options.color && text !== "" ? `\x1b[${codes.join(";")}m${text}\x1b[0m` : text;
  const { steps, ok, advice } = diagnosis;
  const lines: string[] = [];
  const say = (text: string, indent: number, ...codes: number[]) => {
    for (const line of wrap(escapeControls(text), width - indent)) {
      lines.push(" ".repeat(indent) + (codes.length > 0 ? paint(line, ...codes) : line));
    }
  };
  const doubtful = ok &&
    steps.some(({ step, status }) => status === "warning" && step !== "ping" && step !== "trace");
  const [sign, color] = SIGNS[ok ? doubtful ? "warning" : "ok" : "failed"];
  for (const [i, line] of wrap(escapeControls(diagnosis.verdict), width - 2).entries()) {
    lines.push(`${i === 0 ? paint(sign, color, 1) : " "} ${paint(line, 1)}`);
  }
  if (advice !== undefined) say(advice, 2);
  // Only the steps to the answer have bars. Parallel steps such as ping would make them too short.
  const way = steps.filter(({ step }) => WAY.has(step));
  const barred = way.length > 0 ? way : steps;
  const since = Math.min(...barred.map(({ start }) => start));
  const all = Math.max(...barred.map(({ start, time }) => start + time)) - since;
  const row = (
    sign: string,
    name: string,
    bar: string,
    time: number,
    color: number,
  ) => `  ${sign} ${name.padEnd(11)} ${paint(bar, color)} ${showTime(time).padStart(9)}`;
  const cells = width - 28;
  lines.push("");
  for (const step of steps) {
    const [sign, color] = SIGNS[step.status];
    const shown = barred.includes(step)
      ? bar(step.start - since, step.time, all, cells)
      : " ".repeat(cells);
    lines.push(row(paint(sign, color), step.step, shown, step.time, color));
    if (!diagnosis.verdict.endsWith(step.text)) say(step.text, 6, 90);
    // The advice of the verdict is not repeated.
    if (step.advice !== undefined && step.advice !== advice && step.status !== "ok") {
      say(`→ ${step.advice}`, 6);
    }
    for (const line of details(step, options)) say(line, 6, 90);
    if (step.step === "http") {
      for (const exchange of step.exchanges) {
        if (step.exchanges.length > 1) {
          const to = exchange.location === undefined ? "" : ` → ${exchange.location}`;
          say(`${exchange.url} ${statusLine(exchange)}${to}`, 6);
        }
        lines.push(
          ...phaseRows(exchange).map(([name, start, time, total]) =>
            row(" ", name, bar(start, time, total, cells), time, 36)
          ),
        );
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

function phaseRows({ phases }: HttpExchange): Array<[string, number, number, number]> {
  const rows: Array<[string, number]> = [
    ["dns", phases.dns],
    ["tcp", phases.tcp],
    ["tls", phases.tls],
    ["first byte", phases.firstByte],
    ["body", phases.body],
  ];
  let start = 0;
  return rows.flatMap(([name, time]) => {
    const begun = start;
    start += time;
    return time < 0.005 && (name === "dns" || name === "tls")
      ? []
      : [[` ${name}`, begun, time, phases.total] as [string, number, number, number]];
  });
}

/** Returns details of a step. */
function details(step: DiagnoseStep, { full, all = false }: TextOptions): string[] {
  switch (step.step) {
    case "interfaces":
      return !full ? [] : step.interfaces.map((one) => {
        const addresses = one.addresses.map(({ address, prefix }) =>
          prefix === undefined ? address : `${address}/${prefix}`
        );
        const more = [
          one.up ? "up" : "down",
          ...addresses,
          ...(one.mac ? [one.mac] : []),
          ...(one.mtu ? [`mtu ${one.mtu}`] : []),
          ...one.gateways.map((gateway) => `gateway ${gateway}`),
          ...one.nameServers.map((server) => `dns ${server}`),
        ];
        return `${one.name}: ${more.join(", ")}`;
      });
    case "dns":
      return dnsDetails(step, { full, all });
    case "trace":
      return (step.report?.hops ?? []).filter((_, i, { length }) =>
        full || length <= 4 || i < 1 || i >= length - 2
      ).map(({ hop, probes }) => {
        const hosts = new Map<string, string[]>();
        for (const { address, name, time, below, note } of probes) {
          const who = time === undefined && note === undefined
            ? "*"
            : [name, address && (name ? `(${address})` : address)].filter(Boolean).join(" ");
          const shown = time === undefined
            ? note
            : `${below ? "<" : ""}${showTime(time)}${note ? ` ${note}` : ""}`;
          hosts.set(who, [...hosts.get(who) ?? [], ...(shown ? [shown] : [])]);
        }
        const text = [...hosts].map(([who, times]) => `${who} ${times.join(" ")}`.trimEnd());
        return `${String(hop).padStart(2)} ${text.join(", ")}`;
      });
    case "tcp":
      return step.attempts.length < 2
        ? []
        : step.attempts.map(({ address, time, error }) =>
          `${address} ${error === undefined ? "connected in" : `${error.kind} after`} ${
            showTime(time)
          }`
        );
    case "tls":
      return step.version === undefined ? [] : [
        ...(step.greeting ? [`greeting: ${step.greeting}`] : []),
        [step.version, step.cipher, step.alpn && `ALPN ${step.alpn}`].filter(Boolean).join(", "),
        ...(full || step.failures.length > 0
          ? step.chain.map((one) =>
            `${one.subject || "(no name)"}, signed by ${one.issuer || "(no name)"}, ${
              dayOf(one.notBefore)
            } to ${dayOf(one.notAfter)}${full ? `, ${one.key}, ${one.signature}` : ""}`
          )
          : []),
      ];
    default:
      return [];
  }
}

/** Formats a date. Those of a malformed certificate are unknown. */
function dayOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? "?" : date.toISOString().slice(0, 10);
}

/** Returns a bar of the chart. Even the shortest time is visible. */
function bar(start: number, time: number, all: number, cells: number): string {
  const from = Math.min(Math.floor(start / all * cells), cells - 1);
  const length = Math.max(Math.min(Math.round(time / all * cells), cells - from), 1);
  const mark = time / all * cells < 0.5 ? "▏" : "▇";
  return (" ".repeat(from) + mark.repeat(length)).padEnd(cells);
}
