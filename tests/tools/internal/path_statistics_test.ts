import { assert, assertEquals } from "@std/assert";
import { PathStatistics } from "../../../tools/internal/path_statistics.ts";
import { parsePing } from "../../../tools/parsers/ping.ts";
import { parseTraceroute } from "../../../tools/parsers/traceroute.ts";

const trace = (...lines: string[]) =>
  parseTraceroute(
    ["traceroute to 192.0.2.9 (192.0.2.9), 30 hops max", ...lines].join("\n"),
  );

Deno.test("PathStatistics counts loss, times and jitter of each hop", () => {
  const found = new PathStatistics();
  found.addTrace(trace(" 1  192.0.2.1  2.0 ms", " 2  *", " 3  192.0.2.9  10.0 ms"));
  found.addTrace(trace(" 1  192.0.2.1  4.0 ms", " 2  192.0.2.5  7.0 ms", " 3  *"));
  found.addTrace(trace(" 1  192.0.2.1  3.0 ms", " 2  192.0.2.6  8.0 ms", " 3  192.0.2.9  16.0 ms"));
  assert(found.reached);
  assertEquals(found.wanted, 3);
  const [first, second, third] = found.hops;
  assertEquals([first!.sent, first!.received, first!.loss], [3, 3, 0]);
  assertEquals([first!.last, first!.best, first!.average, first!.worst], [3, 2, 3, 4]);
  assertEquals(first!.jitter, 1.5);
  assertEquals(second!.addresses, ["192.0.2.5", "192.0.2.6"]);
  assert(Math.abs(second!.loss - 1 / 3) < 1e-9);
  assertEquals(third!.samples, [10, undefined, 16]);
  assertEquals(third!.jitter, 6);
});

Deno.test("PathStatistics counts hops that a trace does not mention as lost", () => {
  const found = new PathStatistics();
  found.addTrace(trace(" 1  192.0.2.1  2.0 ms", " 2  192.0.2.9  3.0 ms"));
  found.addTrace(trace());
  assertEquals(found.hops.map(({ sent, received }) => [sent, received]), [[2, 1], [2, 1]]);
});

Deno.test("PathStatistics tries a few hops after the last answer if the host is silent", () => {
  const found = new PathStatistics();
  const silent = Array.from({ length: 29 }, (_, i) => `${String(i + 2).padStart(2)}  *`);
  found.addTrace(trace(" 1  192.0.2.1  2.0 ms", ...silent));
  assertEquals([found.reached, found.wanted, found.hops.length], [false, 6, 1]);
});

Deno.test("PathStatistics keeps 512 samples, and counts all requests", () => {
  const found = new PathStatistics();
  const answer = parsePing(
    "PING 192.0.2.9 (192.0.2.9) 56(84) bytes of data.\n" +
      "64 bytes from 192.0.2.9: icmp_seq=1 ttl=64 time=1.00 ms\n",
  );
  for (let i = 0; i < 600; i++) found.addPing(answer);
  const [hop] = found.hops;
  assertEquals([hop!.sent, hop!.samples.length, hop!.addresses], [600, 512, ["192.0.2.9"]]);
});
