import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { NetError } from "../../../net/errors/errors.ts";
import {
  bindUdp,
  type BindUdpOptions,
  connectUdp,
  type UdpSocket,
} from "../../../net/udp/socket.ts";
import { needsIPv6, needsNamespaces, needsPython, pythonWith } from "../../_support/peers.ts";
import { until } from "../../_support/until.ts";
import { CONFIG } from "../../_support/flags.ts";

const decode = (data: Uint8Array) => new TextDecoder().decode(data);

async function rejectsWith(kind: string, run: () => Promise<unknown>): Promise<NetError> {
  const error = await assertRejects(run, NetError);
  assertEquals(error.kind, kind, error.message);
  return error;
}

for (const backend of ["deno", "node"] as const) {
  const bind = (options: BindUdpOptions = {}) => bindUdp({ backend, ...options });
  const test = (name: string, run: () => Promise<void>) =>
    Deno.test(`udp, ${backend}: ${name}`, run);
  const pair = (options: BindUdpOptions = {}) => Promise.all([bind(options), bind()]);

  test("datagrams keep their borders and say who sent them", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    assertEquals(a.backend, backend);
    assertEquals(a.url, `udp://127.0.0.1:${a.addr.port}`);
    await b.send("one", a.addr);
    await b.send(new Uint8Array([1, 2]), a.addr);
    const one = await a.receive();
    assertEquals([decode(one.data), one.from.port, one.truncated], ["one", b.addr.port, false]);
    assertEquals((await a.receive()).data, new Uint8Array([1, 2]));
    assertEquals([a.stats().received, b.stats().sent], [2, 2]);
  });

  test("sizes from nothing to the most arrive whole, one byte more is refused", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    for (const size of [0, 1, 1472, 9000, MAX_DATAGRAM]) {
      const data = new Uint8Array(size).map((_, i) => i * 7);
      await b.send(data, a.addr);
      const got = await a.receive({ timeout: 30_000 });
      assertEquals(got.data, data, `${size} bytes`);
      assertEquals(got.truncated, false);
    }
    await assertRejects(
      () => b.send(new Uint8Array(MAX_DATAGRAM + 1), a.addr),
      RangeError,
      "65507",
    );
  });

  test("what is longer than maxSize is cut and says so", async () => {
    const [a, b] = await pair({ maxSize: 4 });
    await using _a = a;
    await using _b = b;
    await b.send("1234", a.addr);
    await b.send("12345", a.addr);
    const whole = await a.receive();
    assertEquals([decode(whole.data), whole.truncated], ["1234", false]);
    const cut = await a.receive();
    assertEquals([decode(cut.data), cut.truncated], ["1234", true]);
  });

  test("a full inbox drops by its policy and counts", async () => {
    for (
      const [policy, kept] of [["drop-oldest", ["3", "4"]], ["drop-newest", ["0", "1"]]] as const
    ) {
      const [a, b] = await pair({ inbox: { limit: 2, policy } });
      await using _a = a;
      await using _b = b;
      for (let i = 0; i < 5; i++) {
        await b.send(`${i}`, a.addr);
        await until(() => a.stats().received === i + 1);
      }
      assertEquals(a.stats().dropped, 3);
      assertEquals([decode((await a.receive()).data), decode((await a.receive()).data)], [...kept]);
    }
  });

  test("a full inbox that is never read keeps the newest in their order", async () => {
    const [a, b] = await pair({ inbox: { limit: 3, policy: "drop-oldest" } });
    await using _a = a;
    await using _b = b;
    for (let i = 0; i < 300; i++) {
      await b.send(`${i}`, a.addr);
      await until(() => a.stats().received === i + 1);
    }
    for (const newest of ["297", "298", "299"]) {
      assertEquals(decode((await a.receive()).data), newest);
    }
    assertEquals([a.stats().dropped, a.stats().waiting], [297, 0]);
  });

  test("a datagram that arrives when its receive() is given up stays for the next one", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    const [stop, end] = [new AbortController(), new AbortController()];
    // The datagram is no answer, so the reader gets it. Its signal comes before it can go on.
    const match = () => {
      queueMicrotask(() => stop.abort("too late"));
      return false;
    };
    const asking = a.request("?", b.addr, { match, timeout: 60_000, signal: end.signal });
    await b.receive();
    const receiving = a.receive({ signal: stop.signal });
    await b.send("kept", a.addr);
    assertEquals(await receiving.catch((reason) => reason), "too late");
    assertEquals(decode((await a.receive()).data), "kept");
    end.abort("done");
    assertEquals(await asking.catch((reason) => reason), "done");
  });

  test("receive() ends on time and by its signal, and loses nothing", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    await rejectsWith("timeout", () => a.receive({ timeout: 20 }));
    const stop = new AbortController();
    const reason = new Error("enough");
    const receiving = a.receive({ signal: stop.signal });
    stop.abort(reason);
    assertStrictEquals(await assertRejects(() => receiving), reason);
    await b.send("kept", a.addr);
    assertEquals(decode((await a.receive({ timeout: 30_000 })).data), "kept");
    const first = a.receive();
    await assertRejects(() => a.receive(), TypeError);
    await b.send("x", a.addr);
    await first;
  });

  test("request() takes the peer's answer alone, others stay for receive()", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    await using stranger = await bind();
    const serving = (async () => {
      const { data, from } = await b.receive();
      await stranger.send("forged", from);
      await b.send("not this", from);
      await b.send(`answer to ${decode(data)}`, from);
    })();
    const match = (data: Uint8Array) => decode(data).startsWith("answer");
    const answer = await a.request("question", b.addr, { match, timeout: 30_000 });
    await serving;
    assertEquals(decode(answer.data), "answer to question");
    const rest = [await a.receive({ timeout: 30_000 }), await a.receive({ timeout: 30_000 })];
    assertEquals(rest.map(({ data }) => decode(data)).sort(), ["forged", "not this"]);
  });

  test("request() sends again, and ends with a timeout", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    const seen: string[] = [];
    const serving = (async () => {
      for await (const { data, from } of b) {
        seen.push(decode(data));
        if (seen.length === 3) await b.send("at last", from);
      }
    })();
    const answer = await a.request("again", b.addr, { timeout: 20, resends: 200 });
    assertEquals(decode(answer.data), "at last");
    const error = await rejectsWith(
      "timeout",
      () => a.request("lost", b.addr, { timeout: 10, resends: 1 }),
    );
    assert(error.message.includes("2 datagrams"), error.message);
    b.close();
    await serving;
  });

  test("request() gives up by its signal and when the socket is closed", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    const stop = new AbortController();
    const asking = a.request("x", b.addr, { signal: stop.signal });
    stop.abort("why not");
    assertEquals(await asking.catch((reason) => reason), "why not");
    const open = a.request("x", b.addr);
    await delay(5);
    a.close();
    await rejectsWith("closed", () => open);
  });

  // With the permission "ffi", the kernel drops the strangers.
  const permissions = { ffi: false, net: true } as const;
  Deno.test(`udp, ${backend}: a connected socket has one peer`, { permissions }, async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    await using c = await connectUdp({ hostname: "127.0.0.1", port: a.addr.port, backend });
    await c.send("hi");
    const { from } = await a.receive();
    await b.send("stranger", from);
    await a.send("friend", from);
    assertEquals(decode((await c.receive({ timeout: 30_000 })).data), "friend");
    await until(() => c.stats().strangers === 1);
    await assertRejects(() => c.send("x", b.addr), TypeError, "connected to");
  });

  test("close() ends iteration and everything that waits, twice", async () => {
    const [a, b] = await pair();
    await using _b = b;
    const iterating = (async () => {
      for await (const _ of a);
    })();
    a.close();
    a.close();
    await iterating;
    await rejectsWith("closed", () => a.receive());
    await rejectsWith("closed", () => a.send("x", b.addr));
    const stop = new AbortController();
    const c = await bind({ signal: stop.signal });
    const receiving = c.receive();
    stop.abort();
    await rejectsWith("closed", () => receiving);
    const soon = new AbortController();
    const opening = bind({ signal: soon.signal });
    soon.abort();
    await using d = await opening;
    await rejectsWith("closed", () => d.receive({ timeout: 30_000 }));
  });

  test("a match that throws ends its own request, not the socket", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    const match = (data: Uint8Array) => new DataView(data.buffer).getUint16(0) === 1;
    const asking = assertRejects(
      () => a.request("x", b.addr, { match, timeout: 30_000 }),
      RangeError,
    );
    const { from } = await b.receive();
    await b.send("!", from);
    await asking;
    await b.send("still open", from);
    assertEquals(decode((await a.receive({ timeout: 30_000 })).data), "still open");
  });

  test("a second receive() that is refused leaves the first one alone", async () => {
    const [a, b] = await pair();
    await using _a = a;
    await using _b = b;
    const first = a.receive({ timeout: 30_000 });
    await assertRejects(() => a.receive({ timeout: 30_000 }), TypeError);
    await b.send("for the first", a.addr);
    assertEquals(decode((await first).data), "for the first");
  });

  test("close() ends what is being sent", async () => {
    const [a, b] = await pair();
    await using _b = b;
    const sending = a.send(new Uint8Array(60_000), b.addr).catch((error: NetError) => error.kind);
    a.close();
    assert([undefined, "closed"].includes(await sending as string | undefined));
  });

  test("answers are waited for from an address, not from a name", async () => {
    await using a = await bind();
    const to = { hostname: "localhost", port: 9 };
    await assertRejects(() => a.request("x", to), TypeError, "IP address");
    await assertRejects(() => connectUdp({ ...to, backend }), TypeError, "IP address");
  });

  test("bad arguments are refused before anything is sent", async () => {
    await using a = await bind();
    await assertRejects(() => a.send("x"), TypeError, "to is missing");
    for (const port of [0, -1, 1.5, 65536]) {
      await assertRejects(
        () => a.send("x", { hostname: "127.0.0.1", port }),
        RangeError,
        `${port}`,
      );
    }
    await assertRejects(() => bind({ port: 70000 }), RangeError);
    await assertRejects(() => bind({ inbox: { limit: 0 } }), RangeError);
    await assertRejects(() => bind({ pace: -1 }), RangeError);
    // As a program without types may.
    const inbox = { policy: "newest" as "drop-newest" };
    await assertRejects(() => bind({ inbox }), TypeError, "inbox.policy must be");
    const unknown = { backend: "bun" as "node" };
    await assertRejects(() => bindUdp(unknown), TypeError, "backend");
  });

  test("failures are told apart", async () => {
    await using a = await bind();
    const { port } = a.addr;
    await rejectsWith("address-in-use", () => bind({ port }));
    await rejectsWith("dns", () => a.send("x", { hostname: "nope.invalid", port: 9 }));
  });

  test("multicast goes to those who have joined, until they leave", async () => {
    const group = "239.255.77.77";
    await using a = await bind({ hostname: "0.0.0.0", reuseAddress: true });
    await using b = await bind({ hostname: "127.0.0.1" });
    const options = { interface: "127.0.0.1", loopback: true, timeToLive: 1 };
    await using membership = await a.joinMulticast(group, options);
    await using sender = await b.joinMulticast(group, options);
    await b.send("to all", { hostname: group, port: a.addr.port });
    assertEquals(decode((await a.receive({ timeout: 30_000 })).data), "to all");
    // Linux hands a group to every socket of the port while anybody here is in it.
    await sender.leave();
    await membership.leave();
    await membership.leave();
    await b.send("unheard", { hostname: group, port: a.addr.port });
    await b.send("direct", { hostname: "127.0.0.1", port: a.addr.port });
    assertEquals(decode((await a.receive({ timeout: 30_000 })).data), "direct");
    for (const nobody of ["127.0.0.1", "240.0.0.1", "fe80::1", "all", "224.0.0.1/4"]) {
      await assertRejects(() => a.joinMulticast(nobody), TypeError, "group must be");
    }
    const six = "ff02::77";
    for (const timeToLive of [-1, 256, 1.5, NaN]) {
      await assertRejects(() => a.joinMulticast(group, { timeToLive }), RangeError, "timeToLive");
    }
    await assertRejects(() => a.joinMulticast(group, { interface: "lo" }), TypeError, "address");
    const wrong = backend === "deno" ? "lo" : 1;
    await assertRejects(
      () => a.joinMulticast(six, { interface: wrong }),
      backend === "deno" ? TypeError : RangeError,
      backend === "deno" ? "index" : "name",
    );
    await rejectsWith("unsupported", () => a.joinMulticast(six, { timeToLive: 1 }));
    a.close();
    await rejectsWith("closed", () => a.joinMulticast(group));
  });
}

/** The largest payload of a datagram over IPv4: 65535 bytes less the headers of IP and UDP. */
const MAX_DATAGRAM = 65_507;

Deno.test({
  name: "udp: the option broadcast sends to a whole network, with Node's socket",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using a = await bindUdp({ hostname: "0.0.0.0" });
    await using b = await bindUdp({ broadcast: true });
    const all = { hostname: "127.255.255.255", port: a.addr.port };
    assertEquals(b.backend, "node");
    await b.send("to all", all);
    assertEquals(decode((await a.receive({ timeout: 30_000 })).data), "to all");
    await assertRejects(
      () => bindUdp({ broadcast: true, backend: "deno" }),
      TypeError,
      'Cannot broadcast with a socket of Deno: use backend "node"',
    );
  },
});

Deno.test("udp: pacing spreads a burst, and all of it arrives", async () => {
  await using a = await bindUdp({ inbox: { limit: 5000 } });
  await using b = await bindUdp({ pace: 2000 });
  const started = performance.now();
  await Promise.all(Array.from({ length: 400 }, (_, i) => b.send(`${i}`, a.addr)));
  assert(performance.now() - started >= 190, "not paced");
  await until(() => a.stats().received === 400);
});

Deno.test("udp: a paced socket sends no burst after the program was busy", async () => {
  const to = { hostname: "127.0.0.1", port: 9 };
  await using socket = await bindUdp({ pace: 1000 });
  const sending = Array.from({ length: 300 }, () => socket.send("x", to).catch(() => {}));
  await sending[0];
  for (const end = performance.now() + 200; performance.now() < end;);
  const before = socket.stats().sent;
  for (let turn = 0; turn < 5; turn++) await delay(0);
  const burst = socket.stats().sent - before;
  assert(burst < 100, `${burst} datagrams at once`);
  await socket[Symbol.asyncDispose]();
  await Promise.all(sending);
});

const six = needsIPv6();

// Two interfaces with a wire between them, in a network of their own.
const WIRE = "ip link set lo up && ip link add d0 type veth peer name d1 && " +
  "ip link set d1 up && ip link set d0 up && ip addr add fe80::77/64 dev d0 nodad";
const wired = needsNamespaces(WIRE);

Deno.test({
  name: `udp: IPv6 multicast, and a link-local peer with its zone${wired.suffix}`,
  ignore: wired.ignore,
  async fn() {
    const script = `
      import { bindUdp, connectUdp } from "${new URL(
      "../../../net/udp/socket.ts",
      import.meta.url,
    )}";
      const text = ({ data }) => new TextDecoder().decode(data);
      for (const backend of ["deno", "node"]) {
        await using a = await bindUdp({ hostname: "::", backend });
        await using b = await bindUdp({ hostname: "::", backend });
        const { port } = a.addr;
        const on = backend === "deno" ? Number(Deno.args[0]) : "d0";
        const membership = await a.joinMulticast("ff02::77", { interface: on, loopback: true });
        await b.send("to all", { hostname: "ff02::77%d0", port });
        console.log(backend, text(await a.receive({ timeout: 30_000 })));
        await membership.leave();
        await b.send("unheard", { hostname: "ff02::77%d0", port });
        await b.send("direct", { hostname: "fe80::77%d0", port });
        console.log(backend, text(await a.receive({ timeout: 30_000 })));
        const answering = (async () => {
          for (let i = 0; i < 2; i++) {
            const { from } = await a.receive({ timeout: 30_000 });
            await a.send("answer", { ...from, hostname: "fe80::77%d0" });
          }
        })();
        const peer = { hostname: "FE80:0::77%d0", port };
        console.log(backend, text(await b.request("question", peer)));
        await using c = await connectUdp({ ...peer, backend });
        console.log(backend, text(await c.request("question")));
        await answering;
      }
    `;
    const dir = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${dir}/groups.ts`, script);
      const command = `${WIRE} && exec "${Deno.execPath()}" run -q --no-check --no-prompt ` +
        `${CONFIG.join(" ")} --allow-net "${dir}/groups.ts" $(ip -o link show d0 | cut -d: -f1)`;
      const { stdout } = await new Deno.Command("unshare", {
        args: ["-rnm", "sh", "-c", command],
        stdin: "null",
        stderr: "inherit",
      }).output();
      const told = ["to all", "direct", "answer", "answer"];
      assertEquals(
        new TextDecoder().decode(stdout).trim().split("\n"),
        ["deno", "node"].flatMap((backend) => told.map((line) => `${backend} ${line}`)),
      );
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test({
  name: `udp: IPv6 on the loopback${six.suffix}`,
  ignore: six.ignore,
  async fn() {
    await using a = await bindUdp({ hostname: "::1" });
    await using b = await connectUdp({ hostname: "[::1]", port: a.addr.port });
    await b.send("six");
    const { data, from } = await a.receive({ timeout: 30_000 });
    assertEquals([decode(data), from.hostname], ["six", "::1"]);
    assertEquals(a.url, `udp://[::1]:${a.addr.port}`);
    assertEquals(b.addr.hostname, "::1");
  },
});

Deno.test({
  name: "udp: a missing permission names its flag",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    const error = await rejectsWith("permission", () => bindUdp({ hostname: "0.0.0.0", port: 9 }));
    assertEquals(error.permission, "--allow-net=0.0.0.0:9");
  },
});

Deno.test("udp: without --unstable-net it runs on Node's socket, and says which flag Deno's wants", async () => {
  const module = new URL("../../../net/udp/socket.ts", import.meta.url);
  const script = `
    import { bindUdp } from "${module}";
    const socket = await bindUdp();
    console.log(socket.backend);
    socket.close();
    await bindUdp({ backend: "deno" }).catch((error) => console.log(error.kind, error.message));
  `;
  const config = JSON.parse(
    await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)),
  );
  const dir = await Deno.makeTempDir();
  try {
    const root = new URL("../../../", import.meta.url).pathname;
    await Deno.writeTextFile(
      `${dir}/deno.json`,
      JSON.stringify({ imports: config.imports, links: [root] }),
    );
    await Deno.writeTextFile(`${dir}/main.ts`, script);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-check", "--allow-net=127.0.0.1", "main.ts"],
      cwd: dir,
    }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(
      said,
      "node\nunsupported Cannot open a UDP socket of Deno: run again with --unstable-net\n",
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

const python = needsPython("socket");

Deno.test({
  name: `udp: Python's socket asks and is answered${python.suffix}`,
  ignore: python.ignore,
  async fn() {
    await using server: UdpSocket = await bindUdp();
    const script = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto("grüße".encode(), ("127.0.0.1", int(sys.argv[1])))
print(s.recvfrom(100)[0].decode())
`;
    const running = new Deno.Command(pythonWith("socket")!, {
      args: ["-c", script, `${server.addr.port}`],
    }).output();
    const { data, from } = await server.receive({ timeout: 30_000 });
    await server.send(`you said ${decode(data)}`, from);
    assertEquals(decode((await running).stdout), "you said grüße\n");
  },
});

Deno.test({
  name: `udp: an IPv6 peer is known however its address is written${six.suffix}`,
  ignore: six.ignore,
  async fn() {
    await using server = await bindUdp({ hostname: "::1" });
    const { port } = server.addr;
    const echo = (async () => {
      for await (const { data, from } of server) await server.send(data, from);
    })();
    await using connected = await connectUdp({ hostname: "0:0:0:0:0:0:0:1", port });
    assertEquals(decode((await connected.request("a")).data), "a");
    await using asking = await bindUdp({ hostname: "::1" });
    assertEquals(decode((await asking.request("b", { hostname: "::0001", port })).data), "b");
    server.close();
    await echo;
  },
});

Deno.test("udp: match() that throws before the question is sent rejects the request alone", async () => {
  await using peer = await bindUdp();
  await using asking = await bindUdp({ pace: 20 });
  await asking.send("takes the turn", peer.addr);
  const answer = asking.request("question", peer.addr, {
    match: () => {
      throw new SyntaxError("no answer");
    },
  });
  await peer.send("too early", asking.addr);
  await assertRejects(() => answer, SyntaxError, "no answer");
});

Deno.test("udp: what waits for its turn under the pace is given up by a signal, and by close()", async () => {
  await using silent = await bindUdp();
  await using socket = await bindUdp({ pace: 0.001 });
  await socket.send("the first", silent.addr);
  const controller = new AbortController();
  const asking = socket.request("?", silent.addr, { signal: controller.signal });
  const sending = socket.send("the last", silent.addr);
  controller.abort("enough");
  assertEquals(await asking.catch((reason) => reason), "enough");
  socket.close();
  const error = await assertRejects(() => sending, NetError);
  assertEquals([error.kind, error.phase, socket.stats().sent], ["closed", "write", 1]);
});

Deno.test("send() tells what is neither bytes nor text", async () => {
  await using socket = await bindUdp();
  for (const nonsense of [undefined, 5, {}]) {
    const data = nonsense as unknown as Uint8Array;
    await assertRejects(
      () => socket.send(data, socket.addr),
      TypeError,
      "data must be a Uint8Array or a string",
    );
  }
});
