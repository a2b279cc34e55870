import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Diagnosis } from "../../../tools/diagnose/diagnosis.ts";
import { NetError } from "../../../net/errors/errors.ts";
import { anonymize } from "../../../tools/internal/anonymize.ts";
import { htmlReport, markdownReport } from "../../../tools/internal/report.ts";

const TIMES = { start: 0, time: 1 };
const FOUND: Diagnosis = {
  target: {
    url: "https://db.corp.test/a?b=1",
    host: "db.corp.test",
    port: 443,
    tls: true,
    http: true,
  },
  ok: false,
  verdict:
    "db.corp.test:443 answers, but its certificate is for *.corp.test | <b>, not for db.corp.test",
  advice: "Ask `root`",
  steps: [
    {
      step: "interfaces",
      status: "ok",
      text: "eth0 10.1.2.3, lo 127.0.0.1",
      ...TIMES,
      interfaces: [{
        name: "eth0",
        up: true,
        loopback: false,
        mac: "02:12:34:56:78:9a",
        mtu: 1500,
        addresses: [{ address: "10.1.2.3", family: 4, prefix: 24 }],
        gateways: ["10.1.2.1"],
        nameServers: [],
      }],
    },
    {
      step: "http",
      status: "failed",
      text: "redirects to https://login.corp.test/secret/path?token=7, from fd00::7",
      ...TIMES,
      error: new NetError("Cannot reach login.corp.test at 10.1.2.3", { kind: "refused" }),
      exchanges: [{
        url: "https://db.corp.test/a?b=1",
        address: "10.1.2.3:443",
        status: 302,
        reason: "Found",
        location: "https://login.corp.test/secret/path?token=7",
        protocol: "HTTP/1.1",
        headers: { "set-cookie": "id=secret" },
        bytes: 0,
        complete: true,
        phases: { dns: 0, tcp: 0, tls: 0, firstByte: 1, body: 0, total: 1 },
      }],
    },
  ],
};

Deno.test("anonymize() replaces names, addresses, paths and cookies, and keeps the rest", () => {
  const found = anonymize(FOUND);
  const text = JSON.stringify(
    found,
    (_, value) => value instanceof NetError ? value.message : value,
  );
  for (const secret of ["corp", "10.1.2.3", "fd00", "12:34", "token", "secret", "b=1"]) {
    assert(!text.includes(secret), `${secret} in ${text}`);
  }
  assertEquals(found.target.host, "host-1.example");
  assertEquals(found.target.url, "https://host-1.example/…");
  assertStringIncludes(found.verdict, "host-1.example:443 answers");
  const [interfaces, http] = found.steps;
  assertEquals(interfaces!.text, "eth0 192.0.2.1, lo 127.0.0.1");
  assert(http?.step === "http");
  assertEquals(http.exchanges[0]!.address, "192.0.2.1:443");
  assertMatch(http.text, /^redirects to https:\/\/host-\d\.example\/…, from 2001:db8::1$/);
  assertEquals(http.error?.kind, "refused");
});

Deno.test("anonymize() works with hostile names, other letter cases, and relative redirects", () => {
  const [interfaces, http] = FOUND.steps;
  assert(http?.step === "http");
  const names = ["e", "tls", "10", "*", " ", "https", "*.corp.test", "<b> Root $& CA"];
  const found = anonymize({
    ...FOUND,
    verdict: "DB.CORP.TEST is wss://u:pw@chat.corp.test/room, at fe80::1 by <b> Root $& CA",
    advice: "See https://Wiki.Corp.Test?q=7, (mx1.intern.org ESMTP 8.9p1), /etc/resolv.conf",
    steps: [interfaces!, {
      ...http,
      text: "redirects to https://intranet/user42",
      exchanges: [
        { ...http.exchanges[0]!, location: "/user42?token=7" },
        { ...http.exchanges[0]!, location: "//intranet/user42" },
      ],
    }, {
      ...{ step: "tls", status: "failed", text: "", start: 0, time: 1, failures: [] },
      chain: [{
        ...{ subject: "e", issuer: "<b> Root $& CA", names, notBefore: new Date(0) },
        ...{ notAfter: new Date(0), daysLeft: 0, fingerprint: "AA", key: "RSA", signature: "" },
        defects: [],
      }],
    }],
  });
  const text = JSON.stringify(found).toLowerCase();
  for (
    const secret of [
      "corp",
      "chat",
      "wiki",
      "pw",
      "user42",
      "token",
      "intranet",
      "fe80",
      "mx1",
      "root",
    ]
  ) {
    assert(!text.includes(secret), `${secret} in ${text}`);
  }
  const near = {
    ...FOUND,
    steps: [],
    verdict: "10.0.0.9 192.0.2.1:80 192.0.2.1",
    advice: undefined,
  };
  assertEquals(anonymize(near).verdict, "192.0.2.1 192.0.2.2:80 192.0.2.2");
  assertMatch(found.advice ?? "", / ESMTP 8\.9p1\), \/etc\/resolv\.conf$/);
  assertEquals(found.steps.map(({ step, status }) => `${step} ${status}`), [
    "interfaces ok",
    "http failed",
    "tls failed",
  ]);
  assertMatch(
    found.verdict,
    /^host-1\.example is wss:\/\/host-\d+\.example\/…, at 2001:db8::\d by host/,
  );
});

const DETAILS = { date: new Date(0), program: "diagnose", text: "all <text> ```` end" };

Deno.test("markdownReport() escapes what could be formatting", () => {
  const report = markdownReport(FOUND, DETAILS);
  assertStringIncludes(report, "# Diagnosis of https://db.corp.test/a?b=1\n");
  assertStringIncludes(report, "\\*.corp.test | \\<b\\>, not");
  assertStringIncludes(report, "Ask \\`root\\`");
  assertStringIncludes(report, "| http | ✗ failed | 1.00 ms | redirects to ");
  assertEquals(report.match(/````/g)?.length, 2);
  assertMatch(report, /1970-01-01T00:00:00\.000Z\n$/);
});

Deno.test("htmlReport() is one page without scripts, and escapes everything", () => {
  const report = htmlReport(FOUND, DETAILS);
  assertStringIncludes(report, "&#60;b&#62;, not for db.corp.test");
  assertStringIncludes(report, "all &#60;text&#62;");
  assert(!/<script|<b>|href=|src=/i.test(report));
  assertStringIncludes(report, "default-src 'none'");
});
