/** `tools/parsers/traceroute.ts`: Linux, BSD, BusyBox, tracepath, Windows; samples of our own. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  parseTraceroute,
  parseTracert,
  type TraceReport,
} from "../../../tools/parsers/traceroute.ts";

/** Returns `address@time` of each probe, `*` without an answer, followed by the note. */
function brief({ hops }: TraceReport): string[][] {
  return hops.map(({ probes }) =>
    probes.map(({ time, address, name, note }) =>
      (time === undefined && note === undefined ? "*" : `${address ?? name}@${time}`) +
      (note ?? "")
    )
  );
}

Deno.test("parseTraceroute() reads Linux: several hosts, notes, AS numbers, numeric codes", () => {
  const report = parseTraceroute(`traceroute to host.test (192.0.2.7), 30 hops max, 60 byte packets
 1  gw.test (198.51.100.1) [AS64500/AS64501]  0.512 ms  0.401 ms  0.399 ms
 2  * * *
 3  a.test (198.51.100.3) [*]  1.2 ms b.test (198.51.100.4)  1.3 ms  1.4 ms
 4  198.51.100.5  2.0 ms !H * 2.1 ms !<500>
 5  192.0.2.7 (192.0.2.7) <syn,ack>  3.0 ms  3.1 ms  3.2 ms
`);
  assertEquals(brief(report), [
    ["198.51.100.1@0.512", "198.51.100.1@0.401", "198.51.100.1@0.399"],
    ["*", "*", "*"],
    ["198.51.100.3@1.2", "198.51.100.4@1.3", "198.51.100.4@1.4"],
    ["198.51.100.5@2!H", "*", "198.51.100.5@2.1!<500>"],
    ["192.0.2.7@3", "192.0.2.7@3.1", "192.0.2.7@3.2"],
  ]);
  assertEquals(report.hops[0]?.probes[0]?.asn, "AS64500/AS64501");
  assertEquals(report.hops[0]?.probes[0]?.name, "gw.test");
  assertEquals([report.address, report.reached], ["192.0.2.7", true]);
});

Deno.test("parseTraceroute() reads macOS and BSD: continuation lines, AS numbers before the name", () => {
  const report = parseTraceroute(`traceroute to host.test (192.0.2.7), 64 hops max, 40 byte packets
 1  [AS64500] gw.test (198.51.100.1)  1.100 ms  1.000 ms  1.050 ms
 2  a.test (198.51.100.2)  9.000 ms
    b.test (198.51.100.3)  9.100 ms
    198.51.100.4 (198.51.100.4)  9.200 ms
     MPLS Label=24001 CoS=0 TTL=1 S=1
 3  * b.test (198.51.100.3)  9.500 ms !X *
`);
  assertEquals(brief(report), [
    ["198.51.100.1@1.1", "198.51.100.1@1", "198.51.100.1@1.05"],
    ["198.51.100.2@9", "198.51.100.3@9.1", "198.51.100.4@9.2"],
    ["*", "198.51.100.3@9.5!X", "*"],
  ]);
  assertEquals(report.hops[0]?.probes[0]?.asn, "AS64500");
  assertEquals(report.reached, false);
});

Deno.test("parseTraceroute() reads inetutils, IPv6, and a host with only a name", () => {
  assertEquals(
    brief(parseTraceroute(`traceroute to 192.0.2.7 (192.0.2.7), 64 hops max
  1   198.51.100.1  0.5ms  0.4ms  *
  2   192.0.2.7  1.5ms  1.4ms  1,3ms `)),
    [["198.51.100.1@0.5", "198.51.100.1@0.4", "*"], [
      "192.0.2.7@1.5",
      "192.0.2.7@1.4",
      "192.0.2.7@1.3",
    ]],
  );
  const six = parseTraceroute(`traceroute to host.test (2001:db8::7), 30 hops max, 80 byte packets
 1  2001:db8::1 (2001:db8::1)  0.5 ms  0.4 ms  0.3 ms
 2  2001:db8::7 (2001:db8::7)  0.9 ms !N  0.8 ms  0.7 ms`);
  assertEquals([six.address, six.reached], ["2001:db8::7", true]);
  assertEquals(brief(parseTraceroute(" 9  *  router.test  26 ms  *")), [[
    "*",
    "router.test@26",
    "*",
  ]]);
});

Deno.test("both parsers read a row with the host after the times, from any first hop", () => {
  const row = " 9  *  26 ms  *  router.test\n10  *  *  27 ms  192.0.2.7\n";
  const expected = [["*", "router.test@26", "*"], ["*", "*", "192.0.2.7@27"]];
  for (const report of [parseTraceroute(row), parseTracert(row)]) {
    assertEquals(brief(report), expected);
    assertEquals(report.hops.map(({ hop }) => hop), [9, 10]);
  }
});

Deno.test("parseTraceroute() reads BusyBox: a note in a separate column, a hop without an answer", () => {
  const report = parseTraceroute(`traceroute to host.test (192.0.2.7), 30 hops max, 46 byte packets
 1  gw.test (198.51.100.1)  0.005 ms  0.006 ms  0.003 ms
 2  *  *  *
 3  198.51.100.3 (198.51.100.3)  1.200 ms  !H  *  1.300 ms  !H
`);
  assertEquals(brief(report), [
    ["198.51.100.1@0.005", "198.51.100.1@0.006", "198.51.100.1@0.003"],
    ["*", "*", "*"],
    ["198.51.100.3@1.2!H", "*", "198.51.100.3@1.3!H"],
  ]);
});

Deno.test("parseTraceroute() reads tracepath, which repeats hops", () => {
  const report = parseTraceroute(` 1?: [LOCALHOST]                      pmtu 1500
 1:  _gateway                                              0.523ms
 1:  _gateway                                              0.400ms asymm  2
 2:  no reply
 3:  198.51.100.3                                          3.444ms pmtu 1480
 4:  192.0.2.7                                            10.100ms reached
     Resume: pmtu 1480 hops 4 back 4
`);
  assertEquals(brief(report), [
    ["_gateway@0.523", "_gateway@0.4"],
    ["*"],
    ["198.51.100.3@3.444"],
    ["192.0.2.7@10.1"],
  ]);
  assertEquals(report.reached, true);
  const stuck = parseTraceroute(` 1:  no reply
     Too many hops: pmtu 1500
     Resume: pmtu 1500
`);
  assertEquals([brief(stuck), stuck.reached], [[["*"]], false]);
});

Deno.test("parseTraceroute() reads old versions of tracepath, with the time after `asymm`", () => {
  const report = parseTraceroute(` 1?: [LOCALHOST]                              pmtu 1500
 1:  gw.test                           0.411ms
 2:  gw.test                 asymm  1   0.390ms pmtu 1480
 2:  2001:db8::7                      463.514ms reached
     Resume: pmtu 1480 hops 2 back 2
`);
  assertEquals(brief(report), [["gw.test@0.411"], ["gw.test@0.39", "2001:db8::7@463.514"]]);
  assertEquals(report.reached, true);
});

const TRACERT = {
  English: [
    "Tracing route to host.test [192.0.2.7]",
    "over a maximum of 30 hops:",
    "Request timed out.",
    "ms",
  ],
  German: [
    "Routenverfolgung zu host.test [192.0.2.7]",
    "über maximal 30 Hops:",
    "Zeitüberschreitung der Anforderung.",
    "ms",
  ],
  French: [
    "Détermination de l’itinéraire vers host.test [192.0.2.7]",
    "avec un maximum de 30 sauts :",
    "Délai d’attente de la demande dépassé.",
    "ms",
  ],
  Spanish: [
    "Traza a la dirección host.test [192.0.2.7]",
    "sobre un máximo de 30 saltos:",
    "Tiempo de espera agotado para esta solicitud.",
    "ms",
  ],
  Russian: [
    "Трассировка маршрута к host.test [192.0.2.7]",
    "с максимальным числом прыжков 30:",
    "Превышен интервал ожидания для запроса.",
    "мс",
  ],
  Japanese: [
    "host.test [192.0.2.7] へのルートをトレースしています",
    "経由するホップ数は最大 30 です:",
    "要求がタイムアウトしました。",
    "ms",
  ],
  Chinese: ["通过最多 30 个跃点跟踪", "到 host.test [192.0.2.7] 的路由:", "请求超时。", "毫秒"],
};

for (const [language, [one, two, silent, unit]] of Object.entries(TRACERT)) {
  const output = [
    "",
    one,
    two,
    "",
    `  1    <1 ${unit}    <1 ${unit}     1 ${unit}  198.51.100.1 `,
    `  2     *        *        *     ${silent}`,
    `  3    10 ${unit}    11 ${unit}     9 ${unit}  a.test [198.51.100.3] `,
    `  4     *       26 ${unit}     *     host.test [192.0.2.7]`,
    "",
    "…",
  ].join("\r\n");
  const expected = [
    ["198.51.100.1@1", "198.51.100.1@1", "198.51.100.1@1"],
    ["*", "*", "*"],
    ["198.51.100.3@10", "198.51.100.3@11", "198.51.100.3@9"],
    ["*", "192.0.2.7@26", "*"],
  ];
  Deno.test(`parseTracert() reads Windows in ${language}, in any code page`, () => {
    const report = parseTracert(output);
    assertEquals(brief(report), expected);
    assertEquals([report.address, report.reached], ["192.0.2.7", true]);
    assertEquals(report.hops[0]?.probes.map(({ below }) => below), [true, true, false]);
    const bytes = Uint8Array.from(output, (c) => c < "\x80" ? c.charCodeAt(0) : 0x84);
    assertEquals(brief(parseTracert(bytes)), expected);
  });
}

Deno.test("parseTracert() reads a name without an address, and an unreachable host", () => {
  const report = parseTracert(`
Tracing route to 192.0.2.7 over a maximum of 30 hops

  1     *       26 ms     *     router.test
  2  router.test [198.51.100.1]  reports: Destination host unreachable.

Trace complete.
`);
  assertEquals(brief(report), [
    ["*", "router.test@26", "*"],
    ["198.51.100.1@undefinedreports: Destination host unreachable."],
  ]);
  assertEquals(report.reached, false);
});

Deno.test("parseTraceroute() and parseTracert() accept any bytes, with bounded results", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "*",
      "ms",
      "1",
      "2.5",
      "!H",
      "[AS1]",
      "(192.0.2.7)",
      "a.test",
      "\n",
      "<1",
      "\x1b",
    ),
    fc.string(),
    fc.nat().map(String),
  );
  fc.assert(fc.property(
    fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(piece).map((all) => all.join(" "))),
    (output) => {
      for (const { hops } of [parseTraceroute(output), parseTracert(output)]) {
        assertEquals(hops.every(({ hop, probes }) => hop <= 255 && probes.length <= 32), true);
        assertEquals(
          /\p{Cc}/u.test(
            hops.flatMap((hop) => hop.probes).map((p) => `${p.name}${p.note}`).join(),
          ),
          false,
        );
      }
    },
  ));
  assertEquals(parseTraceroute("1 " + "1 ms ".repeat(50_000)).hops[0]?.probes.length, 32);
});
