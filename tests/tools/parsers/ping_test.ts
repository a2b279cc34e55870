/** `tools/parsers/ping.ts`: every system, many languages, code pages; samples of our own. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parsePing } from "../../../tools/parsers/ping.ts";

/** Encodes a text with the given bytes in place of the characters outside ASCII. */
function codePage(strings: TemplateStringsArray, ...bytes: number[][]): Uint8Array {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    strings.flatMap((text, i) => [...encoder.encode(text), ...bytes[i] ?? []]),
  );
}

function summary(output: string | Uint8Array) {
  const { address, transmitted, received, times, replies } = parsePing(output);
  return { address, transmitted, received, times, all: replies.map(({ time }) => time) };
}

const FOUR = { address: "192.0.2.7", transmitted: 4, received: 4 };

Deno.test("parsePing() reads iputils", () => {
  const report = parsePing(`PING host.test (192.0.2.7) 56(84) bytes of data.
64 bytes from host.test (192.0.2.7): icmp_seq=1 ttl=57 time=7.05 ms
64 bytes from host.test (192.0.2.7): icmp_seq=2 ttl=57 time=9.95 ms
64 bytes from host.test (192.0.2.7): icmp_seq=2 ttl=57 time=11.9 ms (DUP!)
From gw.test (192.0.2.1) icmp_seq=3 Destination Host Unreachable

--- host.test ping statistics ---
4 packets transmitted, 2 received, +1 duplicates, +1 errors, 50% packet loss, time 3004ms
rtt min/avg/max/mdev = 7.050/9.633/11.900/2.000 ms, pipe 3
`);
  assertEquals(report.address, "192.0.2.7");
  assertEquals(report.replies[1], {
    from: "192.0.2.7",
    sequence: 2,
    ttl: 57,
    time: 9.95,
    below: false,
    duplicate: false,
  });
  assertEquals(report.replies.map(({ duplicate }) => duplicate), [false, false, true]);
  assertEquals(report.troubles, [{
    from: "192.0.2.1",
    text: "From gw.test (192.0.2.1) icmp_seq=3 Destination Host Unreachable",
  }]);
  assertEquals([report.transmitted, report.received, report.duplicates, report.loss], [
    4,
    2,
    1,
    0.5,
  ]);
  assertEquals(report.times, { min: 7.05, average: 9.633, max: 11.9 });
});

Deno.test("parsePing() reads iputils in German, with IPv6 and a zone", () => {
  const output = `PING fe80::7%eth0 (fe80::7%eth0) 56 Datenbytes
64 Bytes von fe80::7%eth0: icmp_seq=1 ttl=64 Zeit=0,412 ms

--- fe80::7%eth0 ping-Statistik ---
1 Pakete übertragen, 1 empfangen, 0% Paketverlust, Zeit 0ms
rtt min/avg/max/mdev = 0,412/0,412/0,412/0,000 ms
`;
  assertEquals(summary(output), {
    address: "fe80::7%eth0",
    transmitted: 1,
    received: 1,
    times: { min: 0.412, average: 0.412, max: 0.412 },
    all: [0.412],
  });
});

Deno.test("parsePing() reads a summary without replies, and one of total loss", () => {
  const quiet = parsePing(`PING 192.0.2.7 (192.0.2.7) 56(84) bytes of data.

--- 192.0.2.7 ping statistics ---
已发送 4 个包， 已接收 3 个包, 25% packet loss, time 3004ms
rtt min/avg/max/mdev = 1.000/2.000/3.000/0.500 ms`);
  assertEquals([quiet.transmitted, quiet.received, quiet.loss], [4, 3, 0.25]);
  assertEquals(quiet.times, { min: 1, average: 2, max: 3 });
  const lost = parsePing(`PING 192.0.2.7 (192.0.2.7): 56 data bytes
Request timeout for icmp_seq 0

--- 192.0.2.7 ping statistics ---
2 packets transmitted, 0 packets received, 100.0% packet loss
`);
  assertEquals([lost.transmitted, lost.received, lost.loss, lost.times], [2, 0, 1, undefined]);
});

Deno.test("parsePing() reads duplicates that only the summary mentions", () => {
  const rows: Array<[string, number]> = [
    ["10 packets transmitted, 9 received, +2 duplicates, 10% packet loss, time 9012ms", 2],
    ["10 packets transmitted, 9 packets received, 2 duplicates, 10% packet loss", 2],
    ["10 packets transmitted, 9 received, +1 errors, 10% packet loss, time 9012ms", 0],
    ["10 Pakete übertragen, 9 empfangen, +3 Duplikate, +1 Fehler, 10% Paketverlust, Zeit 9ms", 3],
    ["10 paquets transmis, 9 reçus, +4 doublons, 10% packet loss, time 9ms", 4],
    ["已发送 10 个包， 已接收 9 个包, +5 重复, 10% packet loss, time 9ms", 5],
    ["10 пакетов передано, 9 принято, +6 дубликатов, 10% потеряно", 6],
  ];
  for (const [line, duplicates] of rows) {
    const report = parsePing(`PING 192.0.2.7 (192.0.2.7) 56(84) bytes of data.\n\n${line}\n`);
    assertEquals([report.transmitted, report.received, report.duplicates], [10, 9, duplicates]);
  }
});

Deno.test("parsePing() counts one answer to a request for a broadcast address as received", () => {
  const output = `PING 192.0.2.255 (192.0.2.255): 56 data bytes
64 bytes from 192.0.2.1: icmp_seq=0 ttl=64 time=0.2 ms
64 bytes from 192.0.2.2: icmp_seq=0 ttl=64 time=4.2 ms
64 bytes from 192.0.2.3: icmp_seq=0 ttl=64 time=8.3 ms
64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.3 ms
`;
  const stopped = parsePing(output);
  assertEquals([stopped.transmitted, stopped.received, stopped.duplicates], [2, 2, 2]);
  assertEquals(stopped.replies.map(({ duplicate }) => duplicate), [false, true, true, false]);
  const summed = parsePing(`${output}
--- 192.0.2.255 ping statistics ---
3 packets transmitted, 2 packets received, +2 duplicates, 33.3% packet loss
round-trip min/avg/max/stddev = 0.2/3.2/8.3/3.0 ms
`);
  assertEquals([summed.transmitted, summed.received, summed.duplicates], [3, 2, 2]);
  assertEquals(Math.round(summed.loss * 100), 33);
});

Deno.test("parsePing() reads BusyBox, inetutils, macOS and FreeBSD", () => {
  assertEquals(
    summary(`PING host.test (192.0.2.7): 56 data bytes
64 bytes from 192.0.2.7: seq=0 ttl=64 time=0.055 ms
64 bytes from 192.0.2.7: seq=1 ttl=64 time=0.080 ms

--- host.test ping statistics ---
2 packets transmitted, 2 packets received, 0% packet loss
round-trip min/avg/max = 0.055/0.067/0.080 ms
`).times,
    { min: 0.055, average: 0.067, max: 0.08 },
  );
  assertEquals(
    summary(`PING host.test (192.0.2.7): 56 data bytes
64 bytes from 192.0.2.7: icmp_seq=0 ttl=64 time=0.040 ms
--- host.test ping statistics ---
1 packets transmitted, 1 packets received, 0% packet loss
round-trip min/avg/max/stddev = 0.040/0.040/0.040/0.000 ms
`).received,
    1,
  );
  assertEquals(
    summary(`PING6(56=40+8+8 bytes) fe80::1%lo0 --> ::1
16 bytes from ::1, icmp_seq=0 hlim=64 time=0.068 ms

--- localhost ping6 statistics ---
1 packets transmitted, 1 packets received, 0.0% packet loss
round-trip min/avg/max/std-dev = 0.068/0.068/0.068/0.000 ms
`),
    {
      address: "::1",
      transmitted: 1,
      received: 1,
      times: { min: 0.068, average: 0.068, max: 0.068 },
      all: [0.068],
    },
  );
  const unreachable = parsePing(`PING 192.0.2.7 (192.0.2.7): 56 data bytes
92 bytes from 198.51.100.1: Destination Host Unreachable
Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst
 4  5  00 5400 77d8   0 0000  40  01 4d4a 198.51.100.9  192.0.2.7

--- 192.0.2.7 ping statistics ---
1 packets transmitted, 0 packets received, 100.0% packet loss
`);
  assertEquals(unreachable.troubles.map(({ from }) => from), ["198.51.100.1"]);
  assertEquals([unreachable.received, unreachable.loss], [0, 1]);
});

Deno.test("parsePing() reads NetBSD, OpenBSD, Android, Solaris, and iputils with -D and -O", () => {
  const samples = [
    `PING host.test (192.0.2.7): 56 data bytes
64 bytes from 192.0.2.7: icmp_seq=0 ttl=255 time=2.000 ms
64 bytes from 192.0.2.7: icmp_seq=2 ttl=255 time=4.000123 ms

----host.test PING Statistics----
3 packets transmitted, 2 packets received, 33.3% packet loss
round-trip min/avg/max/stddev = 2.000/3.000/4.000/1.000 ms
`,
    `PING host.test (192.0.2.7): 56 data bytes
64 bytes from 192.0.2.7: icmp_seq=0 hlim=64 time=2.000 ms
64 bytes from 192.0.2.7: icmp_seq=2 hlim=64 time=4.000 ms

--- host.test ping statistics ---
3 packets transmitted, 2 packets received, 33.3% packet loss
round-trip min/avg/max/std-dev = 2.000/3.000/4.000/1.000 ms
`,
    `Ping host.test (192.0.2.7): 56(84) bytes.
64 bytes from 192.0.2.7: icmp_seq=1 ttl=57 time=2 ms
64 bytes from 192.0.2.7: icmp_seq=3 ttl=57 time=4 ms

--- 192.0.2.7 ping statistics ---
3 packets transmitted, 2 received, 33% packet loss
round-trip min/avg/max = 2/3/4 ms
`,
    // The first line has no address.
    `PING host.test: 56 data bytes
64 bytes from host.test (192.0.2.7): icmp_seq=0. time=2.000 ms
64 bytes from host.test (192.0.2.7): icmp_seq=2. time=4.000 ms

----host.test PING Statistics----
3 packets transmitted, 2 packets received, 33% packet loss
round-trip (ms)  min/avg/max/stddev = 2.000/3.000/4.000/1.000
`,
    `PING host.test (192.0.2.7) 56(84) bytes of data.
[1796120400.123456] 64 bytes from 192.0.2.7: icmp_seq=1 ttl=57 time=2.00 ms
[1796120401.123456] no answer yet for icmp_seq=2
[1796120402.123456] 64 bytes from 192.0.2.7: icmp_seq=3 ttl=57 time=4.00 ms

--- host.test ping statistics ---
3 packets transmitted, 2 received, 33.3333% packet loss, time 2003ms
rtt min/avg/max/mdev = 2.000/3.000/4.000/1.000 ms
`,
  ];
  for (const sample of samples) {
    const { all, ...found } = summary(sample);
    assertEquals(found, {
      address: "192.0.2.7",
      transmitted: 3,
      received: 2,
      times: { min: 2, average: 3, max: 4 },
    });
    assertEquals(all.map(Math.round), [2, 4]);
  }
});

const WINDOWS = {
  English: [
    "Pinging host.test [192.0.2.7] with 32 bytes of data:",
    "Reply from 192.0.2.7: bytes=32 time=37ms TTL=57",
    "Reply from 192.0.2.7: bytes=32 time<1ms TTL=57",
    "Ping statistics for 192.0.2.7:",
    "    Packets: Sent = 4, Received = 4, Lost = 0 (0% loss),",
    "Approximate round trip times in milli-seconds:",
    "    Minimum = 0ms, Maximum = 37ms, Average = 9ms",
  ],
  German: [
    "Ping wird ausgeführt für host.test [192.0.2.7] mit 32 Bytes Daten:",
    "Antwort von 192.0.2.7: Bytes=32 Zeit=37ms TTL=57",
    "Antwort von 192.0.2.7: Bytes=32 Zeit<1ms TTL=57",
    "Ping-Statistik für 192.0.2.7:",
    "    Pakete: Gesendet = 4, Empfangen = 4, Verloren = 0",
    "    (0% Verlust),",
    "Ca. Zeitangaben in Millisek.:",
    "    Minimum = 0ms, Maximum = 37ms, Mittelwert = 9ms",
  ],
  French: [
    "Envoi d’une requête 'ping' sur host.test [192.0.2.7] avec 32 octets de données :",
    "Réponse de 192.0.2.7 : octets=32 temps=37 ms TTL=57",
    "Réponse de 192.0.2.7 : octets=32 temps<1ms TTL=57",
    "Statistiques Ping pour 192.0.2.7:",
    "    Paquets : envoyés = 4, reçus = 4, perdus = 0 (perte 0%),",
    "Durée approximative des boucles en millisecondes :",
    "    Minimum = 0ms, Maximum = 37ms, Moyenne = 9ms",
  ],
  Spanish: [
    "Haciendo ping a host.test [192.0.2.7] con 32 bytes de datos:",
    "Respuesta desde 192.0.2.7: bytes=32 tiempo=37ms TTL=57",
    "Respuesta desde 192.0.2.7: bytes=32 tiempo<1m TTL=57",
    "Estadísticas de ping para 192.0.2.7:",
    "    Paquetes: enviados = 4, recibidos = 4, perdidos = 0",
    "    (0% perdidos),",
    "Tiempos aproximados de ida y vuelta en milisegundos:",
    "    Mínimo = 0ms, Máximo = 37ms, Media = 9ms",
  ],
  Russian: [
    "Обмен пакетами с host.test [192.0.2.7] с 32 байтами данных:",
    "Ответ от 192.0.2.7: число байт=32 время=37мс TTL=57",
    "Ответ от 192.0.2.7: число байт=32 время<1мс TTL=57",
    "Статистика Ping для 192.0.2.7:",
    "    Пакетов: отправлено = 4, получено = 4, потеряно = 0",
    "    (0% потерь)",
    "Приблизительное время приема-передачи в мс:",
    "    Минимальное = 0мсек, Максимальное = 37 мсек, Среднее = 9 мсек",
  ],
  Japanese: [
    "host.test [192.0.2.7]に ping を送信しています 32 バイトのデータ:",
    "192.0.2.7 からの応答: バイト数 =32 時間 =37ms TTL=57",
    "192.0.2.7 からの応答: バイト数 =32 時間 <1ms TTL=57",
    "192.0.2.7 の ping 統計:",
    "    パケット数: 送信 = 4、受信 = 4、損失 = 0 (0% の損失)、",
    "ラウンド トリップの概算時間 (ミリ秒):",
    "    最小 = 0ms、最大 = 37ms、平均 = 9ms",
  ],
  Chinese: [
    "正在 Ping host.test [192.0.2.7] 具有 32 字节的数据:",
    "来自 192.0.2.7 的回复: 字节=32 时间=37ms TTL=57",
    "来自 192.0.2.7 的回复: 字节=32 时间<1ms TTL=57",
    "192.0.2.7 的 Ping 统计信息:",
    "    数据包: 已发送 = 4，已接收 = 4，丢失 = 0 (0% 丢失)，",
    "往返行程的估计时间(以毫秒为单位):",
    "    最短 = 0ms，最长 = 37ms，平均 = 9ms",
  ],
};

for (const [language, lines] of Object.entries(WINDOWS)) {
  const [head, slow, fast, ...rest] = lines;
  const output = ["", head, slow, fast, fast, fast, "", ...rest, ""].join("\r\n");
  const expected = { ...FOUR, times: { min: 0, average: 9, max: 37 }, all: [37, 1, 1, 1] };

  Deno.test(`parsePing() reads Windows in ${language}`, () => {
    assertEquals(summary(output), expected);
    assertEquals(parsePing(output).replies[1], {
      from: "192.0.2.7",
      sequence: undefined,
      ttl: 57,
      time: 1,
      below: true,
      duplicate: false,
    });
  });

  Deno.test(`parsePing() reads Windows in ${language} in an unknown code page`, () => {
    const single = Uint8Array.from(output, (c) => c < "\x80" ? c.charCodeAt(0) : 0x84);
    assertEquals(summary(single), expected);
    // Two bytes per character; the second one may be an ASCII letter or bracket, as in Shift_JIS.
    const double = Uint8Array.from(
      [...output].flatMap((c) => c < "\x80" ? [c.charCodeAt(0)] : [0x83, 0x5b]),
    );
    assertEquals(summary(double), expected);
    const utf16 = new Uint8Array(
      new Uint16Array(["\uFEFF", ...output].map((c) => c.charCodeAt(0))).buffer,
    );
    assertEquals(summary(utf16), expected);
  });
}

Deno.test("parsePing() reads real bytes of CP850, CP866, GBK and Shift_JIS", () => {
  const german = codePage`Ping wird ausgef${[0x81]}hrt f${[0x81]}r ::1 mit 32 Bytes Daten:
Antwort von ::1: Zeit<1ms
Zeit${[0x81]}berschreitung der Anforderung.
`;
  assertEquals(summary(german).all, [1]);
  const russian = codePage`${[0x8e, 0xe2, 0xa2, 0xa5, 0xe2]} ${[0xae, 0xe2]} 192.0.2.7:
${[0x8e, 0xe2, 0xa2, 0xa5, 0xe2]} ${[0xae, 0xe2]} 192.0.2.7: ${[
    0xe7,
    0xa8,
    0xe1,
    0xab,
    0xae,
  ]} ${[0xa1, 0xa0, 0xa9, 0xe2]}=32 ${[0xa2, 0xe0, 0xa5, 0xac, 0xef]}=37${[0xac, 0xe1]} TTL=57
`;
  assertEquals(summary(russian).all, [37]);
  const chinese = codePage`${[0xd5, 0xfd, 0xd4, 0xda]} Ping 192.0.2.7 ${[0xbe, 0xdf]}:
${[0xc0, 0xb4, 0xd7, 0xd4]} 192.0.2.7 ${[0xb5, 0xc4, 0xbb, 0xd8, 0xb8, 0xb4]}: ${[
    0xd7,
    0xd6,
    0xbd,
    0xda,
  ]}=32 ${[0xca, 0xb1, 0xbc, 0xe4]}=6ms TTL=57
`;
  assertEquals(summary(chinese).all, [6]);
  const japanese = codePage`192.0.2.7${[0x82, 0xc9]} ping
192.0.2.7 ${[0x82, 0xa9, 0x82, 0xe7, 0x82, 0xcc, 0x89, 0x9e, 0x93, 0x9a]}: ${[
    0x83,
    0x6f,
    0x83,
    0x43,
    0x83,
    0x67,
    0x90,
    0x94,
  ]} =32 ${[0x8e, 0x9e, 0x8a, 0xd4]} =7ms TTL=57
`;
  assertEquals(summary(japanese).all, [7]);
});

Deno.test("parsePing() does not count an unreachable host as a reply, unlike Windows", () => {
  for (
    const line of [
      "Reply from 192.0.2.1: Destination host unreachable.",
      "Réponse de 192.0.2.1 : Impossible de joindre l’hôte de destination.",
      "来自 192.0.2.1 的回复: 无法访问目标主机。",
      "192.0.2.1 からの応答: 宛先ホストに到達できません。",
      "Reply from 192.0.2.1: TTL expired in transit.",
    ]
  ) {
    const report = parsePing(`
Pinging 192.0.2.7 with 32 bytes of data:
${line}
Request timed out.

Ping statistics for 192.0.2.7:
    Packets: Sent = 2, Received = 1, Lost = 1 (50% loss),
`);
    assertEquals([report.transmitted, report.received, report.loss], [2, 0, 1], line);
    assertEquals(report.troubles, [{ from: "192.0.2.1", text: line }]);
    assertEquals(report.times, undefined);
  }
});

Deno.test("parsePing() reads Windows with IPv6 and no TTL in every language", () => {
  const rows = [
    "Reply from 2001:db8::7: time=7ms\nReply from 2001:db8::7: time<1ms",
    "Antwort von 2001:db8::7: Zeit=7ms\nAntwort von 2001:db8::7: Zeit<1ms",
    "Réponse de 2001:db8::7 : temps=7 ms\nRéponse de 2001:db8::7 : temps<1ms",
    "Respuesta desde 2001:db8::7: tiempo=7ms\nRespuesta desde 2001:db8::7: tiempo<1m",
    "Ответ от 2001:db8::7: время=7мс\nОтвет от 2001:db8::7: время<1мс",
    "2001:db8::7 からの応答: 時間 =7ms\n2001:db8::7 からの応答: 時間 <1ms",
    "来自 2001:db8::7 的回复: 时间=7ms\n来自 2001:db8::7 的回复: 时间<1ms",
  ];
  for (const row of rows) {
    const report = parsePing(`host.test [2001:db8::7] 32:\n${row}\n`);
    assertEquals(
      report.replies.map(({ time, below }) => [time, below]),
      [[7, false], [1, true]],
      row,
    );
    assertEquals([report.address, report.replies[0]?.from], ["2001:db8::7", "2001:db8::7"]);
  }
});

Deno.test("parsePing() uses the summary if the answers are too short for a time", () => {
  const report = parsePing(`PING host.test (192.0.2.7) 4000(4028) bytes of data.
68 bytes from 192.0.2.7: icmp_seq=1 ttl=115 (truncated)

--- host.test ping statistics ---
1 packets transmitted, 1 received, 0% packet loss, time 0ms
rtt min/avg/max/mdev = 9.100/9.100/9.100/0.000 ms
`);
  assertEquals([report.received, report.troubles, report.times?.min], [1, [], 9.1]);
});

Deno.test("parsePing() finds no TTL in IPv6 output of Windows", () => {
  const { replies } = parsePing("Ping ::1 mit 32 Bytes Daten:\r\nAntwort von ::1: Zeit<1ms\r\n");
  assertEquals(replies, [{
    from: "::1",
    sequence: undefined,
    ttl: undefined,
    time: 1,
    below: true,
    duplicate: false,
  }]);
});

Deno.test("parsePing() escapes control characters", () => {
  const { troubles } = parsePing("PING 192.0.2.7\nReply from 192.0.2.1: \x1b[2Jgone");
  assertEquals(troubles[0]?.text, "Reply from 192.0.2.1: \\x1B[2Jgone");
});

Deno.test("parsePing() accepts any bytes and returns consistent counters", () => {
  const piece = fc.oneof(
    fc.constantFrom(..."PING ( ) [ ] : = < % ms TTL icmp_seq 192.0.2.7 ::1 4 , \n \r".split(" ")),
    fc.string(),
    fc.nat().map(String),
  );
  fc.assert(fc.property(
    fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(piece).map((all) => all.join(" "))),
    (output) => {
      const report = parsePing(output);
      assertEquals(report.received <= report.transmitted, true);
      assertEquals(report.loss >= 0 && report.loss <= 1, true);
    },
  ));
});

Deno.test("parsePing() has no quadratic cost for hostile output", () => {
  const report = parsePing("1 ".repeat(200_000) + "\n" + "=".repeat(200_000));
  assertEquals(report.replies, []);
  assertEquals(report.loss, 0);
});
