/** A diagnosis for a terminal. Private to `tools/`, and pure. @module */

import { formatDnsRecord } from "../net/dns_codec.ts";
import { escapeControls } from "../net/text.ts";
import type { DiagnoseStatus, DiagnoseStep, Diagnosis, HttpExchange } from "./_diagnosis.ts";
import { statusLine } from "./_step_http.ts";
import { count, showTime } from "./_text.ts";

/** How it is to look. */
export interface TextOptions {
  readonly color: boolean;
  readonly width: number;
  /** Whether one step was asked for alone: then it is shown in full. */
  readonly full: boolean;
}

const SIGNS: Readonly<Record<DiagnoseStatus, readonly [sign: string, color: number]>> = {
  ok: ["✓", 32],
  warning: ["!", 33],
  failed: ["✗", 31],
  skipped: ["-", 90],
};

/** Writes it: the verdict, what to do, and each step with its time in a waterfall. */
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
  const end = Math.max(...steps.map(({ start, time }) => start + time), 0.001);
  const row = (
    sign: string,
    name: string,
    start: number,
    time: number,
    all: number,
    color: number,
  ) => {
    const cells = width - 28;
    const shown = showTime(time).padStart(9);
    return `  ${sign} ${name.padEnd(11)} ${paint(bar(start, time, all, cells), color)} ${shown}`;
  };
  lines.push("");
  for (const step of steps) {
    const [sign, color] = SIGNS[step.status];
    lines.push(row(paint(sign, color), step.step, step.start, step.time, end, color));
    say(step.text, 6, 90);
    // What the verdict's advice says is not said twice.
    if (step.advice !== undefined && step.advice !== advice && step.status !== "ok") {
      say(`→ ${step.advice}`, 6);
    }
    for (const line of details(step, options.full)) say(line, 6, 90);
    if (step.step === "http") {
      for (const exchange of step.exchanges) {
        if (step.exchanges.length > 1) {
          const to = exchange.location === undefined ? "" : ` → ${exchange.location}`;
          say(`${exchange.url} ${statusLine(exchange)}${to}`, 6);
        }
        lines.push(
          ...phaseRows(exchange).map(([name, start, time, total]) =>
            row(" ", name, start, time, total, 36)
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

/** What is worth seeing besides the summary; more of it where the step was asked for alone. */
function details(step: DiagnoseStep, full: boolean): string[] {
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
      return step.answers.flatMap((answer) => {
        const seconds = answer.answers.length > 0 ? "" : ` ${answer.code}, no records`;
        const head = `${answer.type}${seconds}, ${answer.server} over ${answer.transport} in ${
          showTime(answer.time)
        }`;
        const records = answer.answers.map((record) =>
          `  ${record.name} ${record.ttl}s ${record.type} ${formatDnsRecord(record)}`
        );
        return full
          ? [head, ...records]
          : [`${head}${records.length ? `: ${count(records.length, "record")}` : ""}`];
      });
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
        [step.version, step.cipher, step.alpn && `ALPN ${step.alpn}`].filter(Boolean).join(", "),
        ...(full || step.failures.length > 0
          ? step.chain.map((one) =>
            `${one.subject}, signed by ${one.issuer}, ${
              one.notBefore.toISOString().slice(0, 10)
            } to ${one.notAfter.toISOString().slice(0, 10)}`
          )
          : []),
      ];
    default:
      return [];
  }
}

/** A bar from `start` on, `time` long, of `all` that fills the cells; what is shortest shows too. */
function bar(start: number, time: number, all: number, cells: number): string {
  const from = Math.min(Math.floor(start / all * cells), cells - 1);
  const length = Math.max(Math.min(Math.round(time / all * cells), cells - from), 1);
  const mark = time / all * cells < 0.5 ? "▏" : "▇";
  return (" ".repeat(from) + mark.repeat(length)).padEnd(cells);
}

/** Lines of at most `width` characters, broken at blanks where there are any. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(" ", width);
    const end = blank > width / 3 ? blank : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
