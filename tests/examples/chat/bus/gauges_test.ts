import { assertEquals } from "@std/assert";
import { BusGauges } from "../../../../examples/chat/bus/gauges.ts";
import { formatMetrics } from "../../../../examples/chat/prometheus.ts";

Deno.test("BusGauges count durations up to each bound, as Prometheus expects them", () => {
  const gauges = new BusGauges();
  gauges.hop(0.5, 2);
  gauges.hop(30, 1);
  gauges.hop(60_000, 1);
  const text = formatMetrics([
    { name: "hop", help: "Hops.", type: "histogram", value: gauges.hops() },
  ]);
  const lines = text.trimEnd().split("\n");
  assertEquals(lines.slice(0, 3), [
    "# HELP hop Hops.",
    "# TYPE hop histogram",
    'hop_bucket{le="0.001"} 2',
  ]);
  assertEquals(lines.filter((line) => /0\.02|0\.05|"10"|Inf/.test(line)), [
    'hop_bucket{le="0.02"} 2',
    'hop_bucket{le="0.05"} 3',
    'hop_bucket{le="10"} 3',
    'hop_bucket{le="+Inf"} 4',
  ]);
  assertEquals(lines.slice(-2), ["hop_sum 60.031", "hop_count 4"]);
});
