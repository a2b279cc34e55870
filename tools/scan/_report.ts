import { escapeControls, escapeJson } from "../../net/text.ts";
import type { CliContext } from "../cli.ts";
import type { ScannedTls } from "./_open_port_details.ts";
import type { ScanResult, ScanState } from "./options.ts";
import { formatPorts } from "./_ports.ts";
import { count, showTime } from "../internal/text.ts";

/** The output formats. */
export type ScanFormat = "table" | "json" | "ndjson" | "csv";

const COLUMNS = [
  "host",
  "address",
  "port",
  "state",
  "service",
  "rtt",
  "reason",
  "banner",
] as const;
const TLS_COLUMNS = ["protocol", "alpn", "subject", "daysLeft"] as const;
/** Interval of the progress line, in milliseconds. */
const STEP = 100;

/** The content of a report, and the expected ports. */
export interface ReportOptions {
  readonly open: boolean;
  readonly banner: boolean;
  readonly tls: boolean;
  readonly expected: ReadonlySet<number> | undefined;
}

/** The ports of a host that the summary needs. */
type Kept = Record<"open" | "filtered" | "error", number[]>;

/** Prints results, the progress on a terminal, and a summary. */
export class ScanReport {
  /** Number of hosts without an address. */
  unknownHosts = 0;

  readonly #ctx: CliContext;
  readonly #format: ScanFormat;
  readonly #options: ReportOptions;
  readonly #ports: number;
  readonly #started = performance.now();
  readonly #counts: Record<ScanState, number> = { open: 0, closed: 0, filtered: 0, error: 0 };
  /** Hosts that the summary mentions. A host with only closed ports needs no memory. */
  readonly #hosts = new Map<string, Kept>();
  #total: number;
  #done = 0;
  #shownAt = 0;
  #rows = 0;

  constructor(
    ctx: CliContext,
    format: ScanFormat,
    options: ReportOptions,
    hosts: number,
    ports: number,
  ) {
    this.#ctx = ctx;
    this.#format = format;
    this.#options = options;
    this.#ports = ports;
    this.#total = hosts * ports;
    if (format === "csv") {
      ctx.print([...COLUMNS, ...options.tls ? TLS_COLUMNS : []].join(","));
    }
  }

  /** Adds a result and prints it. */
  add(found: ScanResult): void {
    const { host, port, state } = found;
    const { open, expected } = this.#options;
    if (port === 0) {
      this.unknownHosts++;
      this.#total -= this.#ports;
      this.#clear();
      this.#ctx.io.stderr(`scan: ${escapeControls(host)} has no address\n`);
      return;
    }
    this.#done++;
    this.#counts[state]++;
    const summed = this.#format === "table" && !open && (state === "filtered" || state === "error");
    if (summed || expected !== undefined) {
      let kept = this.#hosts.get(host);
      if (kept === undefined) this.#hosts.set(host, kept = { open: [], filtered: [], error: [] });
      if (state !== "closed") kept[state].push(port);
    }
    if (state === "open" || !open) this.#show(found);
    this.#progress();
  }

  /** Prints the summary, at the end or after an interruption. */
  end(): void {
    this.#clear();
    if (this.#format === "json") {
      this.#print(this.#rows === 0 ? "[]" : "]");
      return;
    }
    if (this.#format !== "table") return;
    if (!this.#options.open) {
      for (const line of this.#byFinding("filtered", "filtered")) this.#print(line);
      for (const line of this.#byFinding("error", "error")) this.#print(line);
    }
    const { open, closed, filtered, error } = this.#counts;
    const parts = [`${open} open`, `${closed} closed`];
    if (filtered > 0) parts.push(`${filtered} filtered`);
    if (error > 0) parts.push(`${error} error`);
    const left = this.#total - this.#done;
    if (this.#ctx.signal.aborted && left > 0) parts.push(`${left} not scanned`);
    this.#print(`${parts.join(", ")} in ${showTime(performance.now() - this.#started)}`);
  }

  /** Returns whether exactly the expected ports are open on every host. Prints the differences. */
  asExpected(): boolean {
    const { expected } = this.#options;
    if (expected === undefined) return true;
    let good = true;
    for (const [host, { open }] of this.#hosts) {
      const found = new Set(open);
      const missing = [...expected.difference(found)];
      const extra = [...found.difference(expected)];
      if (missing.length + extra.length === 0) continue;
      good = false;
      const parts = [
        ...missing.length > 0 ? [`expected open, but is not: ${formatPorts(missing)}`] : [],
        ...extra.length > 0 ? [`open, but not expected: ${formatPorts(extra)}`] : [],
      ];
      this.#ctx.io.stderr(`scan: ${host}: ${parts.join("; ")}\n`);
    }
    return good && this.unknownHosts === 0;
  }

  /** Returns one line for all hosts with the same ports in a state. */
  #byFinding(state: "filtered" | "error", what: string): string[] {
    const hosts = new Map<string, { first: string; more: number }>();
    for (const [host, { [state]: ports }] of this.#hosts) {
      if (ports.length === 0) continue;
      const text = formatPorts(ports);
      const same = hosts.get(text);
      if (same === undefined) hosts.set(text, { first: host, more: 0 });
      else same.more++;
    }
    return [...hosts].map(([ports, { first, more }]) =>
      `${first}${more > 0 ? ` and ${count(more, "more host")}` : ""}: ${what}: ${ports}`
    );
  }

  #show(found: ScanResult): void {
    switch (this.#format) {
      case "ndjson":
        return this.#ctx.printJson(found);
      case "json":
        return this.#print(
          `${this.#rows++ === 0 ? "[" : ","}${escapeJson(JSON.stringify(found))}`,
        );
      case "csv":
        return this.#ctx.print(this.#csv(found));
      case "table":
        if (found.state === "open") this.#row(found);
    }
  }

  #row({ host, address, port, rtt = 0, service = "", banner, tls }: ScanResult): void {
    this.#clear();
    const where = host === address ? host : `${host} (${address})`;
    if (this.#rows++ === 0) {
      this.#print(
        `${"PORT".padEnd(6)}${"STATE".padEnd(7)}${"RTT".padStart(8)}  ${"SERVICE".padEnd(16)}HOST`,
      );
    }
    const time = `${rtt.toFixed(rtt < 10 ? 2 : 0)} ms`.padStart(8);
    this.#print(
      `${`${port}`.padEnd(6)}${"open".padEnd(7)}${time}  ${service.padEnd(16)}${where}`.trimEnd(),
    );
    if (banner !== undefined) this.#print(`      says ${banner}`);
    if (tls === undefined) return;
    const { protocol, alpn, subject } = tls;
    const parts = [protocol, alpn, subject, validityOf(tls, Date.now())].filter((part) => part);
    this.#print(`      ${parts.join(", ")}`);
  }

  #csv(found: ScanResult): string {
    const cells = [
      ...COLUMNS.map((name) => found[name]),
      ...this.#options.tls ? TLS_COLUMNS.map((name) => found.tls?.[name]) : [],
    ];
    return cells.map((cell) => {
      const text = cell === undefined ? "" : `${cell}`;
      // A spreadsheet would take a cell with a leading sign for a formula.
      const safe = typeof cell === "string" && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
      return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    }).join(",");
  }

  #print(line: string): void {
    this.#ctx.print(line);
  }

  #progress(): void {
    const { io } = this.#ctx;
    const now = performance.now();
    if (!io.stderrIsTerminal || now - this.#shownAt < STEP) return;
    this.#shownAt = now;
    const spent = (now - this.#started) / 1000;
    const rate = this.#done / Math.max(spent, 0.001);
    const left = Math.ceil((this.#total - this.#done) / Math.max(rate, 1));
    const percent = Math.floor(100 * this.#done / this.#total);
    io.stderr(
      `\r\x1b[K${percent} %, ${
        Math.round(rate)
      } ports/s, ${left} s left, ${this.#counts.open} open`,
    );
  }

  #clear(): void {
    if (this.#ctx.io.stderrIsTerminal && this.#shownAt > 0) this.#ctx.io.stderr("\r\x1b[K");
  }
}

/** Describes the validity of a certificate at a time. */
function validityOf({ notBefore, notAfter, daysLeft }: ScannedTls, now: number): string {
  // The dates of a malformed certificate are no numbers.
  if (notBefore === undefined || notAfter === undefined || !(daysLeft! <= Infinity)) return "";
  if (notBefore.getTime() > now) return `not valid before ${showDate(notBefore)}`;
  if (notAfter.getTime() < now) return `expired on ${showDate(notAfter)}`;
  return `${count(daysLeft!, "day")} left`;
}

/** Formats a time to the minute, in UTC. */
function showDate(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
