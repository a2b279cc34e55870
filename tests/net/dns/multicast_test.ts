/** `net/dns/multicast.ts` against responders of the test. */

import { assertEquals, assertRejects } from "@std/assert";
import { decodeDnsMessage, type DnsMessage, encodeDnsMessage } from "../../../net/dns/codec.ts";
import { type MulticastDnsOptions, queryMulticastDns } from "../../../net/dns/multicast.ts";
import type { DnsRecord } from "../../../net/dns/record.ts";
import { bindUdp } from "../../../net/udp/socket.ts";
import { LOCK } from "../../_support/flags.ts";
import { checkEveryOption } from "../../_support/options.ts";
import { needsNamespaces } from "../../_support/peers.ts";

function host(address: string): DnsRecord {
  return { name: "Printer.local", ttl: 120, type: "A", address };
}

async function collect(answers: AsyncIterable<DnsMessage>): Promise<string[]> {
  const found: string[] = [];
  for await (const message of answers) {
    found.push(
      message.answers.map((record) => record.type === "A" ? record.address : record.type).join(),
    );
  }
  return found;
}

Deno.test("queryMulticastDns() yields each new answer and ignores everything else", async () => {
  await using responder = await bindUdp();
  await using forger = await bindUdp();
  const questions: DnsMessage[] = [];
  const serving = (async () => {
    const { data, from } = await responder.receive();
    const question = decodeDnsMessage(data);
    questions.push(question);
    const { id } = question;
    const reply = (message: Partial<DnsMessage>) =>
      responder.send(encodeDnsMessage({ id, response: true, ...message }), from);
    await reply({ answers: [host("192.0.2.1")] });
    await reply({ answers: [host("192.0.2.1")] });
    await reply({ id: 0, answers: [host("192.0.2.2")] });
    await reply({ id: id ^ 1, answers: [host("192.0.2.3")] });
    await reply({ response: false, answers: [host("192.0.2.4")] });
    await reply({ opcode: 4, answers: [host("192.0.2.5")] });
    await reply({ answers: [{ ...host("192.0.2.6"), name: "other.local" }] });
    await responder.send("rubbish", from);
    const forged = encodeDnsMessage({ id, response: true, answers: [host("192.0.2.8")] });
    await forger.send(forged, from);
    await reply({ answers: [host("192.0.2.1"), host("192.0.2.7")] });
  })();
  const { hostname, port } = responder.addr;
  const answers = queryMulticastDns("printer.local", "A", { hostname, port, timeout: 700 });
  assertEquals(await collect(answers), ["192.0.2.1", "192.0.2.2", "192.0.2.1,192.0.2.7"]);
  await serving;
  const [question] = questions;
  // The highest bit of the class is not part of the type.
  assertEquals(question?.questions, [{ name: "printer.local", type: "A" }]);
  assertEquals([question?.recursionDesired, question?.extension], [false, undefined]);
});

Deno.test("queryMulticastDns() asks again, and tells which records it knows", async () => {
  await using responder = await bindUdp();
  const known: number[] = [];
  const serving = (async () => {
    for (let i = 0; i < 2; i++) {
      const { data, from } = await responder.receive({ timeout: 10_000 });
      const { id, questions, answers } = decodeDnsMessage(data);
      known.push(answers.length);
      const message = { id, questions, response: true, answers: [host(`192.0.2.${i}`)] };
      await responder.send(encodeDnsMessage(message), from);
    }
  })();
  const { hostname, port } = responder.addr;
  const found: string[] = [];
  for await (
    const { from, answers } of queryMulticastDns("printer.local", "A", {
      hostname,
      port,
      timeout: 10_000,
    })
  ) {
    found.push(from, ...answers.map((record) => record.type));
    if (found.length === 4) break;
  }
  await serving;
  const from = `127.0.0.1:${port}`;
  assertEquals([found, known], [[from, "A", from, "A"], [0, 1]]);
});

Deno.test("queryMulticastDns() reads records that replace others, and asks for unicast", async () => {
  await using responder = await bindUdp();
  const serving = (async () => {
    const { data, from } = await responder.receive();
    const { id, questions: [question] } = decodeDnsMessage(data);
    assertEquals(question?.type, "A");
    // The class of the question has the bit for unicast.
    assertEquals([...data.subarray(-2)], [0x80, 1]);
    const bytes = encodeDnsMessage({ id, response: true, answers: [host("192.0.2.1")] });
    // The class of the record has the bit that replaces others (RFC 6762 §10.2).
    bytes[bytes.length - 12] = 0x80;
    await responder.send(bytes, from);
  })();
  const { hostname, port } = responder.addr;
  for await (const { answers } of queryMulticastDns("printer.local", "A", { hostname, port })) {
    assertEquals(answers, [host("192.0.2.1")]);
    break;
  }
  await serving;
});

const NETWORK = [
  "ip link set lo up",
  "ip link add v0 type veth peer name v1",
  "ip link set v0 up",
  "ip link set v1 up",
  "ip -6 addr add fe80::1/64 dev v0 nodad",
].join(" && ");
const namespaces = needsNamespaces(NETWORK);
Deno.test({
  name: `queryMulticastDns({ interface }) asks the group of IPv6 there${namespaces.suffix}`,
  ignore: namespaces.ignore,
  async fn() {
    const root = new URL("../../../", import.meta.url).href;
    const script =
      `import { decodeDnsMessage, encodeDnsMessage, queryMulticastDns } from "${root}net/dns/mod.ts";
import { bindUdp } from "${root}net/udp/socket.ts";
const group = { hostname: "::", port: 5353, backend: "node", reuseAddress: true };
await using responder = await bindUdp(group);
await responder.joinMulticast("ff02::fb", { interface: "v0" });
const serving = responder.receive().then(({ data, from }) => {
  const { id } = decodeDnsMessage(data);
  const host = { name: "a.local", ttl: 1, type: "A", address: "192.0.2.1" };
  return responder.send(encodeDnsMessage({ id, response: true, answers: [host] }), from);
});
for await (const { from } of queryMulticastDns("a.local", "A", { interface: "v0" })) {
  console.log(from.replace(/\\d+$/, "PORT"));
  break;
}
await serving;`;
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, script);
      const config = new URL("../../../deno.json", import.meta.url).pathname;
      const run =
        `timeout 30 ${Deno.execPath()} run -q -A --no-check --config ${config} ${LOCK} ${file}`;
      const { stdout, stderr } = await new Deno.Command("unshare", {
        args: ["-rnm", "sh", "-c", `${NETWORK} && exec ${run}`],
      }).output();
      const decoder = new TextDecoder();
      assertEquals([decoder.decode(stdout), decoder.decode(stderr)], ["[fe80::1]:PORT\n", ""]);
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test("queryMulticastDns() stops when it is aborted", async () => {
  await using silent = await bindUdp();
  const { hostname, port } = silent.addr;
  const controller = new AbortController();
  const { signal } = controller;
  const next = queryMulticastDns("a.local", "A", { hostname, port, timeout: 0, signal }).next();
  await silent.receive();
  controller.abort("enough");
  assertEquals(await next.catch((reason) => reason), "enough");
});

Deno.test("queryMulticastDns() checks every option, the name and the type before any I/O", async () => {
  const signal = AbortSignal.abort("checked");
  const start = (name: string, options: MulticastDnsOptions) =>
    queryMulticastDns(name, "A", { signal, ...options }).next();
  await checkEveryOption<MulticastDnsOptions>("queryMulticastDns", {
    timeout: "time",
    localAddress: "none",
    interface: "text",
    hostname: "none",
    port: "none",
    signal: "none",
  }, (options) => start("a.local", options));
  await assertRejects(() => start("a..local", {}), TypeError, "empty label");
});
