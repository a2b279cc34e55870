import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReplyError } from "../../../net/errors/reply_error.ts";
import { connectPop3 } from "../../../net/pop3/client.ts";
import { testCertificates } from "../../_support/certificates.ts";
import { needsCourierPop, startCourierPop } from "../../_support/courier.ts";

const courier = needsCourierPop();

Deno.test({
  name: `Courier: each form of TLS, lists, texts ahead of replies, UTF8, deletion${courier.suffix}`,
  ignore: courier.ignore,
  async fn() {
    const { ca } = await testCertificates();
    const text = (data: Uint8Array) => new TextDecoder().decode(data);
    for (const tls of ["none", "starttls", "implicit"] as const) {
      await using server = await startCourierPop();
      for (let i = 1; i <= 60; i++) await server.deliver(`Subject: ${i}\n\n.dot\n..\nend ${i}`);
      const options = {
        ...{ username: "ann", password: "secret", tls, caCerts: [ca], serverName: "localhost" },
        ...{ port: tls === "implicit" ? server.pop3s : server.pop3, timeout: 20_000 },
        allowPlaintextLogin: tls === "none",
      };
      await using mail = await connectPop3(options);
      assertEquals([mail.encrypted, mail.utf8], [tls !== "none", true]);
      assert(mail.capabilities.has("PIPELINING"));
      assertEquals((await mail.stat()).count, 60);
      const numbers = (await mail.list()).map(({ number }) => number);
      assertEquals(numbers.length, 60);
      assertEquals(new Set((await mail.uids()).map(({ uid }) => uid)).size, 60);
      const subjects = new Map<number, string>();
      for await (const { number, data } of mail.topAll(numbers)) {
        subjects.set(number, /^Subject: (\d+)\r\n\r\n$/.exec(text(data))![1]!);
      }
      for await (const { number, data } of mail.retrieveAll(numbers)) {
        const i = subjects.get(number)!;
        assertEquals(text(data), `Subject: ${i}\r\n\r\n.dot\r\n..\r\nend ${i}\r\n`);
      }
      const stream = await mail.retrieve(1);
      assertEquals((await new Response(stream).text()).length > 20, true);
      await assertRejects(() => mail.retrieve(99), ReplyError);
      const refused = await mail.deleteAll([...numbers.slice(0, 40), 99]);
      assertEquals(refused.map(({ number }) => number), [99]);
      await mail.quit();
      assertEquals(server.count(), 20);
      await using again = await connectPop3(options);
      await again.delete(1);
      await again.close();
      assertEquals(server.count(), 20);
      const wrong = { ...options, password: "wrong" };
      await assertRejects(() => connectPop3(wrong), ReplyError, "Login failed");
    }
  },
});
