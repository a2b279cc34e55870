import { assertEquals, assertRejects } from "@std/assert";
import { diagnose } from "../../../tools/diagnose.ts";

/** Returns the target of a diagnosis that reaches no host. */
async function targetOf(text: string) {
  const { target: { url, host, port, tls, http, startTls } } = await diagnose(text, {
    steps: ["interfaces"],
  });
  return [url, host, port, tls, http, ...startTls === undefined ? [] : [startTls]];
}

Deno.test("diagnose() takes a host, a host with a port, and a URL", async () => {
  const rows: [text: string, target: unknown[]][] = [
    ["a.test", ["https://a.test/", "a.test", 443, true, true]],
    ["[::1]", ["https://[::1]/", "::1", 443, true, true]],
    ["::1", ["https://[::1]/", "::1", 443, true, true]],
    ["fe80::1%lo", ["https://[fe80::1]/", "fe80::1%lo", 443, true, true]],
    ["a.test:443", ["https://a.test/", "a.test", 443, true, true]],
    ["a.test:80", ["http://a.test/", "a.test", 80, false, true]],
    ["a.test:8080", ["a.test:8080", "a.test", 8080, "try", "try"]],
    ["[::1]:8080", ["[::1]:8080", "::1", 8080, "try", "try"]],
    ["bücher.test", ["https://xn--bcher-kva.test/", "xn--bcher-kva.test", 443, true, true]],
    ["a.test/x?y=1", ["https://a.test/x?y=1", "a.test", 443, true, true]],
    ["http://u:secret@a.test:81/x#y", ["http://a.test:81/x", "a.test", 81, false, true]],
    ["tcp://a.test:7", ["tcp://a.test:7", "a.test", 7, false, false]],
    ["tls://[::1]", ["tls://[::1]:443", "::1", 443, true, false]],
    ["imap://a.test", ["imap://a.test:143", "a.test", 143, true, false, "imap"]],
    ["postgresql://a.test", ["postgresql://a.test:5432", "a.test", 5432, true, false, "postgres"]],
  ];
  for (const [text, target] of rows) assertEquals(await targetOf(text), target, text);
});

Deno.test("diagnose() says why it cannot use a target", async () => {
  const rows: [text: string, says: string][] = [
    ["a.test:0", 'Cannot use "a.test:0": the port must not be 0'],
    ["https://a.test:0/", "the port must not be 0"],
    ["tcp://a.test", "it has no port"],
    ["https://", "it is not a URL"],
    ["gopher://a.test", "the scheme must be one of http, https, tcp, "],
    ["a\x1bb", 'Cannot use "a\\x1Bb": a host must not be empty or contain spaces'],
  ];
  for (const [text, says] of rows) {
    await assertRejects(() => diagnose(text, { steps: ["interfaces"] }), TypeError, says);
  }
  await assertRejects(() => diagnose("tcp://a%zz:7", { steps: ["interfaces"] }), TypeError);
});
