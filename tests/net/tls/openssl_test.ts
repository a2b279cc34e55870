/** openssl as the other end: new keys while a connection is open, and ends that are none. */

import { assertEquals, assertRejects } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import { connectTls } from "../../../net/tls/client.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { OpenSsl } from "../../_support/openssl.ts";
import { needs } from "../../_support/peers.ts";

const { ca, good: { cert, key } } = await testCertificates();
const openssl = needs("openssl");

/** Registers a test for each engine that needs openssl. */
function withOpenSsl(title: string, run: (engine: "deno" | "node") => Promise<void>): void {
  for (const engine of ["deno", "node"] as const) {
    Deno.test({
      name: `${title}, engine ${engine}${openssl.suffix}`,
      ignore: openssl.ignore,
      fn: () => run(engine),
    });
  }
}

withOpenSsl(
  "a server follows the new keys of s_client, and answers with its own",
  async (engine) => {
    await using server = serveTls({ cert, key, engine }, async (conn) => {
      for await (const line of conn.lines()) await conn.write(`got ${line}\n`);
    });
    await using client = OpenSsl.client(server.addr.port, "-tls1_3");
    await client.type("before");
    await client.until(/^got before$/m);
    // "k" changes the keys of one side, "K" asks for those of the other, too.
    for (const command of ["k", "K", "K"]) {
      await client.type(command);
      await client.until(/KEYUPDATE/);
      client.said = "";
      await client.type(`after ${command}`);
      await client.until(new RegExp(`^got after ${command}$`, "m"));
    }
  },
);

withOpenSsl(
  "a client follows the new keys of s_server, and answers with its own",
  async (engine) => {
    const { port, server } = await OpenSsl.server(cert + key, "-tls1_3");
    await using _server = server;
    await using conn = await connectTls({ port, engine, caCerts: [ca], lingerTimeout: 0 });
    for (const [i, command] of ["k", "K", "K", "k"].entries()) {
      await server.type(command);
      // s_server takes the command first, and does not tell when.
      await conn.write(`to me ${i}\n`);
      await server.until(new RegExp(`^to me ${i}$`, "m"));
      await server.type(`to you ${i}`);
      assertEquals(await conn.readLine({ timeout: 30_000 }), `to you ${i}`);
    }
  },
);

for (const version of ["1.2", "1.3"]) {
  const flag = version === "1.2" ? "-tls1_2" : "-tls1_3";
  withOpenSsl(
    `an s_client that quits has ended, one that dies has not, TLS ${version}`,
    async (engine) => {
      for (const quits of [true, false]) {
        const ended = Promise.withResolvers<string>();
        await using server = serveTls({ cert, key, engine }, async (conn) => {
          await conn.write(`welcome ${await conn.readLine()}\n`);
          const end = await conn.readChunk().then(() => "clean", (error: NetError) => error.kind);
          ended.resolve(end);
        });
        await using client = OpenSsl.client(server.addr.port, flag);
        await client.type("a line");
        await client.until(/^welcome a line$/m);
        if (quits) await client.type("Q");
        else client.kill();
        assertEquals(await ended.promise, quits ? "clean" : "truncated");
      }
    },
  );

  withOpenSsl(
    `an s_server that closes its socket has not ended, TLS ${version}`,
    async (engine) => {
      const { port, server } = await OpenSsl.server(cert + key, flag);
      await using _server = server;
      await using conn = await connectTls({ port, engine, caCerts: [ca], lingerTimeout: 0 });
      await server.type("a line");
      assertEquals(await conn.readLine({ timeout: 30_000 }), "a line");
      await server.type("q");
      const error = await assertRejects(() => conn.readLine({ timeout: 30_000 }), NetError);
      assertEquals(error.kind, "truncated");
    },
  );
}
