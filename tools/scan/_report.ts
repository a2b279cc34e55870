import { readAddressBytes } from "../../net/address_block.ts";
import { escapeControls, escapeJson } from "../../net/text.ts";
import type { CliContext } from "../cli.ts";
import type { ScannedService } from "./_identify.ts";
import type { ScannedTls } from "./_open_port_details.ts";
import type { ScanResult, ScanState } from "./options.ts";
import { formatPorts } from "./_ports.ts";
import { terminalWidth } from "../internal/terminal_width.ts";
import { count, listSome, showTime, wrap } from "../internal/text.ts";

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
/** Most names of a certificate in the table. */
const MOST_NAMES = 4;
/** Number of ports from which it is a finding that all of them are open. */
const ALL_OPEN = 3;
const SERVICE_COLUMNS = ["protocol", "product", "status", "title"] as const;
/** The space before a line with details of a port. */
const INDENT = " ".repeat(6);
/** Interval of the progress line, in milliseconds. */
const STEP = 100;

/** The content of a report, and the expected ports. */
export interface ReportOptions {
  readonly open: boolean;
  readonly banner: boolean;
  readonly tls: boolean;
  readonly service: boolean;
  /** Whether standard error has lines of JSON alone. */
  readonly json: boolean;
  readonly expected: ReadonlySet<number> | undefined;
}

/** The ports of an address that the summary needs. */
interface Kept extends Record<Exclude<ScanState, "closed">, number[]> {
  readonly host: string;
}

/** Prints results, the progress on a terminal, and a summary. */
export class ScanReport {
  /** Number of hosts without an address. */
  unknownHosts = 0;

  readonly #ctx: CliContext;
  readonly #format: ScanFormat;
  readonly #options: ReportOptions;
  readonly #ports: number;
  readonly #started = performance.now();
  readonly #counts: Record<ScanState, number> = {
    open: 0,
    closed: 0,
    filtered: 0,
    error: 0,
    "open|filtered": 0,
  };
  /** Addresses that the summary mentions. One with only closed ports needs no memory. */
  readonly #hosts = new Map<string, Kept>();
  /** The rows of the table. They are sorted at the end. */
  readonly #found: ScanResult[] = [];
  /** The addresses of each name. */
  readonly #addresses = new Map<string, Set<string>>();
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
      const services = options.service ? SERVICE_COLUMNS.map((name) => `service.${name}`) : [];
      ctx.print([...COLUMNS, ...options.tls ? TLS_COLUMNS : [], ...services].join(","));
    }
  }

  /** Number of ports of UDP that did not answer. */
  get silent(): number {
    return this.#counts["open|filtered"];
  }

  /** Adds a result and prints it. */
  add(found: ScanResult): void {
    const { host, port, state } = found;
    const { open, expected } = this.#options;
    if (port === 0) {
      this.unknownHosts++;
      this.#total -= this.#ports;
      this.#clear();
      this.#tell(`${escapeControls(host)} has no address`, { host });
      return;
    }
    this.#done++;
    this.#counts[state]++;
    if (host !== found.address) this.#countAddress(host, found.address);
    if ((this.#format === "table" && state !== "closed") || expected !== undefined) {
      const name = nameOf(found);
      let kept = this.#hosts.get(name);
      if (kept === undefined) {
        kept = { host, open: [], filtered: [], error: [], "open|filtered": [] };
        this.#hosts.set(name, kept);
      }
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
    for (const found of this.#found.sort(byAddressAndPort)) this.#row(found);
    for (const line of this.#allOpen()) this.#print(line);
    for (const [host, addresses] of this.#addresses) {
      if (addresses.size < 2) continue;
      this.#print(
        `${host} has ${addresses.size} addresses: ${listSome([...addresses].toSorted())}`,
      );
    }
    if (!this.#options.open) {
      for (const state of ["filtered", "open|filtered", "error"] as const) {
        for (const line of this.#byFinding(state)) this.#print(line);
      }
    }
    const { open, closed, filtered, error } = this.#counts;
    const parts = [`${open} open`, `${closed} closed`];
    const silent = this.#counts["open|filtered"];
    if (silent > 0) parts.push(`${silent} open|filtered`);
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
    // A port of a name is open if it is so at one of the addresses.
    const names = Map.groupBy(this.#hosts.values(), ({ host }) => host);
    for (const [host, kept] of names) {
      const found = new Set(kept.flatMap(({ open }) => open));
      const missing = [...expected.difference(found)];
      const extra = [...found.difference(expected)];
      if (missing.length + extra.length === 0) continue;
      good = false;
      const parts = [
        ...missing.length > 0 ? [`expected open, but is not: ${formatPorts(missing)}`] : [],
        ...extra.length > 0 ? [`open, but not expected: ${formatPorts(extra)}`] : [],
      ];
      this.#tell(`${escapeControls(host)}: ${parts.join("; ")}`, { host, missing, extra });
    }
    return good && this.unknownHosts === 0;
  }

  /** Returns one line for all hosts with the same ports in a state. */
  #byFinding(state: "filtered" | "open|filtered" | "error"): string[] {
    const hosts = new Map<string, { first: string; more: number }>();
    for (const [host, { [state]: ports }] of this.#hosts) {
      if (ports.length === 0) continue;
      const text = formatPorts(ports);
      const same = hosts.get(text);
      if (same === undefined) hosts.set(text, { first: host, more: 0 });
      else same.more++;
    }
    return [...hosts].map(([ports, { first, more }]) =>
      `${first}${more > 0 ? ` and ${count(more, "more host")}` : ""}: ${state}: ${ports}`
    );
  }

  /** Returns a line for each address with many ports that are all open. */
  #allOpen(): string[] {
    if (this.#ports < ALL_OPEN) return [];
    return [...this.#hosts].filter(([, { open }]) => open.length === this.#ports).map(([name]) =>
      `${name}: all ${this.#ports} ports are open; a firewall or a proxy may answer for them`
    );
  }

  #countAddress(host: string, address: string): void {
    const addresses = this.#addresses.get(host);
    if (addresses === undefined) this.#addresses.set(host, new Set([address]));
    else if (!addresses.has(address)) {
      addresses.add(address);
      this.#total += this.#ports;
    }
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
        if (found.state === "open") this.#found.push(found);
    }
  }

  #row(found: ScanResult): void {
    const { port, rtt = 0, service = "", banner, tls, detected } = found;
    const name = detected === undefined ? service : withTls(detected.protocol, tls !== undefined);
    const where = nameOf(found);
    if (this.#rows++ === 0) {
      this.#print(
        `${"PORT".padEnd(6)}${"STATE".padEnd(7)}${"RTT".padStart(8)}  ${"SERVICE".padEnd(16)}HOST`,
      );
    }
    const time = `${rtt.toFixed(rtt < 10 ? 2 : 0)} ms`.padStart(8);
    this.#print(
      `${`${port}`.padEnd(6)}${"open".padEnd(7)}${time}  ${name.padEnd(16)}${where}`.trimEnd(),
    );
    const details = detected && detailsOf(detected);
    if (details) this.#detail(details);
    // The first line of a greeting may be empty.
    else if (banner) this.#detail(`says ${banner}`);
    if (tls === undefined) return;
    const { protocol, alpn, subject } = tls;
    const parts = [protocol, alpn, subject, otherNames(tls), validityOf(tls, Date.now())]
      .filter((part) => part);
    this.#detail(parts.join(", "));
  }

  /** Prints a text below a row. On a terminal, lines break at words. */
  #detail(text: string): void {
    const width = terminalWidth(this.#ctx.io);
    const lines = width === undefined ? [text] : wrap(text, Math.max(width - INDENT.length, 20));
    for (const line of lines) this.#print(`${INDENT}${line}`);
  }

  #csv(found: ScanResult): string {
    const cells = [
      ...COLUMNS.map((name) => found[name]),
      ...this.#options.tls ? TLS_COLUMNS.map((name) => found.tls?.[name]) : [],
      ...this.#options.service ? SERVICE_COLUMNS.map((name) => found.detected?.[name]) : [],
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

  /** Reports a problem on standard error. */
  #tell(sentence: string, properties: Record<string, unknown>): void {
    if (this.#options.json) this.#ctx.log.warn(sentence, properties);
    else this.#ctx.io.stderr(`scan: ${sentence}\n`);
  }

  #progress(): void {
    const { io } = this.#ctx;
    if (!io.stderrIsTerminal || this.#options.json) return;
    const now = performance.now();
    if (now - this.#shownAt < STEP) return;
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

/** Returns the name of a protocol, with TLS around it. */
function withTls(protocol: string, tls: boolean): string {
  if (!tls || protocol === "tls") return protocol;
  return protocol === "http" ? "https" : `${protocol}+tls`;
}

function detailsOf({ product, status, title }: ScannedService): string {
  const parts = [
    product,
    status === undefined ? undefined : `status ${status}`,
    title && `"${title}"`,
  ];
  return parts.filter((part) => part).join(", ");
}

/** Returns the host, with its address if it is a name. */
function nameOf({ host, address }: ScanResult): string {
  return host === address ? host : `${host} (${address})`;
}

/** Compares by the numeric value of the address, IPv4 first, and then by the port. */
function byAddressAndPort(a: ScanResult, b: ScanResult): number {
  if (a.address === b.address) return a.port - b.port;
  const [one, other] = [a, b].map(({ address }) =>
    readAddressBytes(address.replace(/%.*$/, "")) ?? new Uint8Array(16)
  );
  if (one!.length !== other!.length) return one!.length - other!.length;
  const at = one!.findIndex((byte, i) => byte !== other![i]);
  return at === -1 ? (a.address < b.address ? -1 : 1) : one![at]! - other![at]!;
}

/** Returns the names of a certificate that are not its subject, shortened. */
function otherNames({ subject, names = [] }: ScannedTls): string {
  const others = names.filter((name) => name !== subject);
  const more = others.length - MOST_NAMES;
  const shown = others.slice(0, MOST_NAMES).join(" ");
  return shown === "" ? "" : `also ${shown}${more > 0 ? ` and ${count(more, "more name")}` : ""}`;
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
