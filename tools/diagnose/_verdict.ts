import { formatAddress } from "../../net/address.ts";
import type { DiagnoseStep, DiagnoseTarget, Diagnosis, HttpPhases } from "./diagnosis.ts";
import { explainBlockage } from "../internal/blockage.ts";
import { statusLine, totalOf } from "./_step_http.ts";
import { CLIENT_CERTIFICATE } from "./_failed_handshake.ts";
import { count, showTime } from "../internal/text.ts";

type Sentence = Omit<Diagnosis, "target" | "steps">;
type Named<N extends DiagnoseStep["step"]> = Extract<DiagnoseStep, { step: N }>;

const CUT_ANSWER = "Check the log of the server, and the proxies and firewalls in between.";

/** Returns the verdict: where the path fails, or that it works; `proxy` is the host of the proxy. */
export function judgeSteps(
  target: DiagnoseTarget,
  steps: readonly DiagnoseStep[],
  proxy?: string,
): Sentence {
  const find = <N extends DiagnoseStep["step"]>(name: N) =>
    steps.find((step): step is Named<N> => step.step === name);
  const where = formatAddress({ hostname: target.host, port: target.port });
  const [dns, tcp, tls, http] = [find("dns"), find("tcp"), find("tls"), find("http")];
  const broken = (step: DiagnoseStep, verdict: string): Sentence => ({
    ok: false,
    verdict,
    advice: step.advice,
    time: timeOf(dns, tcp, tls, http),
  });
  if (dns?.status === "failed" && dns.comparisons === undefined) {
    return broken(dns, `${proxy ?? target.host} cannot be found: ${dns.text}`);
  }
  if (tcp?.status === "failed") {
    return { ...broken(tcp, ""), ...judgeTcp(tcp, where, find("ping"), find("trace")) };
  }
  const mtu = find("mtu");
  if (mtu?.blackHole && (isStuck(tls) || isStuck(http))) {
    return broken(mtu, `${where} accepts connections, but ${mtu.text}`);
  }
  if (tls?.status === "failed") {
    return broken(
      tls,
      /^the (?:certificate|authority|key) /.test(tls.text)
        ? `${where} answers, but ${tls.text.replace(/^the (?!authority)/, "its ")}`
        : tls.text === "requires a client certificate"
        ? `${where} answers, but ${tls.text}`
        : tls.text.startsWith("cannot be reached")
        ? `${where} ${tls.text}`
        : `${where} accepts connections, but ${tls.text}`,
    );
  }
  const { error } = http ?? {};
  if (http !== undefined && error?.kind === "timeout" && error.phase === "response") {
    return {
      ...broken(http, `${error.address ?? where} accepts connections, but sends no answer`),
      advice: "The server is busy or stuck. Check its log, or wait longer with --timeout.",
    };
  }
  if (http !== undefined && error?.tls === "client-certificate") {
    return {
      ...broken(http, `${where} answers, but requires a client certificate`),
      advice: CLIENT_CERTIFICATE,
    };
  }
  if (http?.status === "failed") {
    const found = broken(http, httpBroken(target, http, where));
    return error?.phase === "read" ? { ...found, advice: CUT_ANSWER } : found;
  }
  const main = http ?? tls ?? tcp;
  if (main === undefined) return alone(target, steps);
  const time = timeOf(dns, tcp, tls, http);
  const certificate = tls?.status === "warning"
    ? `, but its certificate has ${count(tls.chain[0]?.daysLeft ?? 0, "day")} left`
    : "";
  const last = http?.exchanges.at(-1);
  if (last !== undefined) {
    const verdict = `${last.url} answers ${statusLine(last)} in ${
      showTime(time ?? 0)
    }${certificate}`;
    return { ok: true, verdict, advice: tls?.advice ?? http?.advice ?? tcp?.advice, time };
  }
  const secured = tls?.version === undefined ? "" : ` and speaks ${tls.version}`;
  const strange = http?.status === "skipped" ? `, but ${http.text}` : "";
  const verdict = `${where} accepts connections${secured} in ${showTime(time ?? 0)}${
    certificate || strange
  }`;
  return { ok: true, verdict, advice: tls?.advice ?? tcp?.advice, time };
}

/** Returns whether a step waited in vain after the connection, as it does if large packets vanish. */
export function isStuck(step: DiagnoseStep | undefined): boolean {
  return step?.status === "failed" && step.error?.kind === "timeout";
}

/** Explains that no address accepts connections, by the other steps as well. */
function judgeTcp(
  { attempts, route, text }: Named<"tcp">,
  where: string,
  ping: Named<"ping"> | undefined,
  trace: Named<"trace"> | undefined,
): Pick<Sentence, "verdict" | "advice"> {
  const attempt = attempts.find(({ error }) => error !== undefined);
  if (attempt === undefined) return { verdict: `${where}: ${text}` };
  const found = explainBlockage({ attempt, route, ping, trace });
  const isName = !where.includes(attempt.address);
  const subject = isName ? `${where} (${attempt.address})` : where;
  return { verdict: `${subject} ${found.text}`, advice: found.advice };
}

function httpBroken(target: DiagnoseTarget, http: Named<"http">, where: string): string {
  const last = http.exchanges.at(-1);
  if (http.text.startsWith(where)) return http.text;
  if (last !== undefined && last.status >= 500) return `${last.url} answers ${statusLine(last)}`;
  return `${target.url} answers, but ${http.text}`;
}

/** Returns the verdict for a single step, such as ping. */
function alone(target: DiagnoseTarget, steps: readonly DiagnoseStep[]): Sentence {
  const last = steps.at(-1);
  if (last === undefined) return { ok: false, verdict: "No step was taken" };
  const { text, advice, status } = last;
  const verdict = last.step === "interfaces" ? text : `${target.host}: ${text}`;
  const ok = status === "ok" || (status === "warning" && (
    last.step === "ping"
      ? (last.report?.received ?? 0) > 0
      : last.step !== "trace" && last.step !== "mtu"
  ));
  const time = last.step === "dns"
    ? last.time
    : last.step === "ping"
    ? last.report?.times?.average
    : undefined;
  return { ok, verdict, advice, time };
}

const SLOW: Readonly<Record<Exclude<keyof HttpPhases, "total">, string>> = {
  dns: "name resolution: use a nearer name server, or cache its answers",
  tcp: "connecting: the host is far away, or its link is overloaded",
  tls: "the TLS handshake: resume sessions, or use a nearer server",
  firstByte: "waiting for the first byte: the server itself is slow",
  body: "the body: make it smaller, or compress it",
};

/** Returns the phase that takes the longest time, with a remedy. */
export function explainSlowness(steps: readonly DiagnoseStep[]): string {
  const spent = steps.flatMap((step): [part: string, time: number][] => {
    if (step.step === "dns") return [[SLOW.dns, step.time]];
    if (step.step === "http") {
      return step.exchanges.flatMap(({ phases }) =>
        Object.entries(SLOW).map((
          [name, part],
        ): [string, number] => [part, phases[name as keyof typeof SLOW]])
      );
    }
    const counts = (step.step === "tcp" || step.step === "tls") &&
      !steps.some(({ step }) => step === "http");
    return counts ? [[SLOW[step.step], step.time]] : [];
  });
  const [most] = spent.sort(([, a], [, b]) => b - a);
  return most === undefined ? "" : `Most of it, ${showTime(most[1])}, goes into ${most[0]}.`;
}

/** Returns the time to the answer. */
function timeOf(
  dns: Named<"dns"> | undefined,
  tcp: Named<"tcp"> | undefined,
  tls: Named<"tls"> | undefined,
  http: Named<"http"> | undefined,
): number | undefined {
  if (http !== undefined && http.exchanges.length > 0) {
    // The first exchange uses the address of the DNS step.
    return totalOf(http.exchanges) + (dns?.time ?? 0);
  }
  if (tls?.version !== undefined) return (dns?.time ?? 0) + tls.time;
  const fastest = tcp?.attempts.filter(({ error }) => error === undefined)
    .map(({ time }) => time) ?? [];
  return fastest.length > 0 ? (dns?.time ?? 0) + Math.min(...fastest) : undefined;
}
