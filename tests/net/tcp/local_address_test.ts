/** Connections from an address of one's choice. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../../net/connection/connection.ts";
import { NetError, type NetErrorKind } from "../../../net/errors/errors.ts";
import { connectTcp } from "../../../net/tcp/client.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { conformance } from "../../_support/conformance.ts";
import { ending, rawServer } from "../../_support/ending.ts";
import { isolated, needsIPv6, needsNamespace, needsNamespaces } from "../../_support/peers.ts";
import { CONFIG, LOCK } from "../../_support/flags.ts";

// Other systems have but one address on loopback.
const ignore = Deno.build.os !== "linux";
const certs = await testCertificates();

async function rejectsWith(kind: NetErrorKind, run: () => Promise<unknown>): Promise<NetError> {
  const error = await assertRejects(run, NetError);
  assertEquals(error.kind, kind, error.message);
  return error;
}

/** A server that tells each client its address. */
function tellAddress() {
  return serveTcp({}, async (conn, { remoteAddr }) => {
    await conn.write(`${remoteAddr.hostname}\n`);
    await conn.write(`${await conn.readLine()}\n`);
  });
}

Deno.test({
  name: "connectTcp() dials from localAddress, and loses nothing that the server says first",
  ignore,
  fn: async () => {
    await using server = tellAddress();
    const { port } = server.addr;
    await using conn = await connectTcp({ port, localAddress: "127.0.0.9" });
    assertEquals(await conn.readLine({ timeout: 30_000 }), "127.0.0.9");
    await conn.write("echo\n");
    assertEquals(await conn.readLine({ timeout: 30_000 }), "echo");
    assertEquals(await conn.readLine({ timeout: 30_000 }), null);
    const { localAddr, remoteAddr } = conn;
    assert("hostname" in localAddr && "hostname" in remoteAddr);
    assertEquals([localAddr.hostname, remoteAddr.port], ["127.0.0.9", port]);
  },
});

Deno.test({
  name: "connectTcp() with localAddress resolves names",
  ignore,
  fn: async () => {
    await using server = tellAddress();
    const { port } = server.addr;
    await using conn = await connectTcp({
      hostname: "localhost",
      port,
      localAddress: "127.0.0.9",
    });
    assertEquals(await conn.readLine({ timeout: 30_000 }), "127.0.0.9");
  },
});

Deno.test({
  name: `connectTcp() with localAddress speaks IPv6${needsIPv6().suffix}`,
  ignore: ignore || needsIPv6().ignore,
  fn: async () => {
    await using server = serveTcp({ hostname: "::1" }, (conn) => conn.write("six\n"));
    const { port } = server.addr;
    await using conn = await connectTcp({ hostname: "::1", port, localAddress: "::1" });
    assertEquals(await conn.readLine({ timeout: 30_000 }), "six");
    assertEquals(conn.peer, `[::1]:${port}`);
  },
});

Deno.test({
  name: "connectTls() dials from localAddress",
  ignore,
  fn: async () => {
    await using server = serveTls(certs.good, async (conn, { remoteAddr }) => {
      await conn.write(`${remoteAddr.hostname}\n`);
    });
    await using conn = await connectTls({
      port: server.addr.port,
      localAddress: "127.0.0.9",
      caCerts: [certs.ca],
    });
    assertEquals(await conn.readLine({ timeout: 30_000 }), "127.0.0.9");
  },
});

Deno.test({
  name: "abort() of a connection from localAddress resets it",
  ignore,
  fn: async () => {
    const { port, accepted } = await rawServer();
    const ours = await connectTcp({ port, localAddress: "127.0.0.9" });
    const seen = ending((await accepted).resume());
    const reading = assertRejects(() => ours.readChunk(), NetError);
    ours.abort();
    assertEquals((await seen).how, "reset");
    await reading;
  },
});

Deno.test({
  name: "connectTcp() with localAddress tells failures apart",
  ignore,
  fn: async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const localAddress = "127.0.0.9";
    const refused = await rejectsWith("refused", () => connectTcp({ port, localAddress }));
    assertEquals(refused.message, `Cannot connect to 127.0.0.1:${port}: connection refused`);
    const missing = await rejectsWith(
      "address-unavailable",
      () => connectTcp({ port, localAddress: "192.0.2.1" }),
    );
    assertEquals(
      missing.message,
      "Cannot connect from 192.0.2.1: this machine has no such address",
    );
    await rejectsWith(
      "dns",
      () => connectTcp({ hostname: "nobody.invalid", port, localAddress }),
    );
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    assertEquals(
      await assertRejects(() => connectTcp({ port, localAddress, signal })),
      reason,
    );
  },
});

Deno.test("a localAddress that is no address, or of the other family, is refused at once", async () => {
  for (const localAddress of ["", "localhost", "127.0.0.256", "::1", "127.0.0.1:80"]) {
    await assertRejects(() => connectTcp({ port: 1, localAddress }), TypeError);
  }
});

Deno.test({
  name: "connectTcp() with localAddress names the permission that is missing",
  ignore,
  permissions: { net: ["127.0.0.1:80"] },
  fn: async () => {
    const dial = (port: number, localAddress: string) =>
      rejectsWith("permission", () => connectTcp({ port, localAddress }));
    assertEquals((await dial(80, "127.0.0.9")).permission, "--allow-net=127.0.0.9:0");
    assertEquals((await dial(81, "127.0.0.1")).permission, "--allow-net=127.0.0.1:0");
  },
});

const namespace = needsNamespace();

Deno.test({
  name: `connectTcp() with localAddress gives up on time, and by signal${namespace.suffix}`,
  ignore: ignore || namespace.ignore,
  fn: async () => {
    const script = `
      import { connectTcp } from "./net/tcp/client.ts";
      const dial = async (hostname: string, options: object) => {
        const started = performance.now();
        try {
          await connectTcp({ hostname, port: 80, localAddress: "198.18.0.1", ...options });
        } catch (error) {
          const { kind, name } = error as Error & { kind?: string };
          console.log(kind ?? name, performance.now() - started < 5000);
        }
      };
      await dial("198.18.0.7", { timeout: 50 });
      await dial("198.18.0.7", { signal: AbortSignal.timeout(50) });
      await dial("192.0.2.1", {});
      await dial("203.0.113.1", {});
    `;
    const [program, args] = isolated(Deno.execPath(), "run", "-q", LOCK, "-A", "--ext=ts", "-");
    const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const { stdout } = await child.output();
    assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), [
      "timeout true",
      "TimeoutError true",
      "unreachable true",
      "permission true",
    ]);
  },
});

const mounts = needsNamespaces();

Deno.test({
  name: `connectTcp() with localAddress tries each address of a name${mounts.suffix}`,
  ignore: ignore || mounts.ignore,
  fn: async () => {
    const script = `
      import { connectTcp } from "${new URL("../../../net/tcp/client.ts", import.meta.url)}";
      const listen = (hostname: string, port: number, tcpBacklog = 5) =>
        Deno.listen({ hostname, port, tcpBacklog });
      // The first address refuses, the second one is for another family, the third one answers.
      listen("127.0.0.3", 7001);
      // The first address is silent.
      listen("127.0.0.2", 7002, 1);
      for (let i = 0; i < 2; i++) await Deno.connect({ hostname: "127.0.0.2", port: 7002 });
      listen("127.0.0.3", 7002);
      for (const port of [7001, 7002, 7003]) {
        const dial = connectTcp({ hostname: "several.test", port, localAddress: "127.0.0.9" });
        console.log(await dial.then((conn) => conn.peer, (error) => error.message));
      }
      Deno.exit(0);
    `;
    const dir = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${dir}/client.ts`, script);
      await Deno.writeTextFile(
        `${dir}/hosts`,
        "127.0.0.2 several.test\n::1 several.test\n127.0.0.3 several.test\n",
      );
      const command = `ip link set lo up && mount --bind "${dir}/hosts" /etc/hosts && ` +
        `exec "${Deno.execPath()}" run -q -A --no-check ${CONFIG.join(" ")} "${dir}/client.ts"`;
      const { stdout } = await new Deno.Command("unshare", {
        args: ["-rnm", "sh", "-c", command],
        stdin: "null",
        stderr: "inherit",
      }).output();
      assertEquals(new TextDecoder().decode(stdout).trim().split("\n"), [
        "127.0.0.3:7001",
        "127.0.0.3:7002",
        "Cannot connect to several.test:7003: connection refused " +
        "(tried 127.0.0.2:7003, 127.0.0.3:7003)",
      ]);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

if (!ignore) {
  conformance("tcp from localAddress", async (options) => {
    const { promise, resolve } = Promise.withResolvers<Connection>();
    const server = serveTcp({ idleTimeout: 0, ...options }, async (conn) => {
      resolve(conn);
      await conn.closed;
    });
    const { port } = server.addr;
    const client = await connectTcp({ port, localAddress: "127.0.0.9", ...options });
    return [client, await promise, server];
  });
}
