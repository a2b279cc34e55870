import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { NetError } from "../../../net/errors/errors.ts";
import { connectImap } from "../../../net/imap/client.ts";
import { lineServer } from "../../_support/line_server.ts";

/** The structure of a part, and its encoded content; bytes as characters. */
interface Part {
  readonly type?: string;
  readonly parameters?: string;
  readonly encoding: string;
  readonly body: string;
}

/** Downloads a part from a server that sends it in pieces. */
async function download(
  { type = '"TEXT" "PLAIN"', parameters = "NIL", encoding, body }: Part,
  part?: string,
  cut = 7,
) {
  const bytes = Uint8Array.from(body, (one) => one.charCodeAt(0));
  await using server = lineServer("* PREAUTH hi\r\n", async (line, conn) => {
    const [tag, verb] = line.split(" ");
    const leaf = `(${type} ${parameters} NIL NIL "${encoding}" ${bytes.length} 1)`;
    if (line.includes("BODYSTRUCTURE")) {
      await conn.write(`* 1 FETCH (UID 7 BODYSTRUCTURE (${leaf}${leaf} "MIXED"))\r\n`);
    } else if (verb === "UID") {
      await conn.write(`* 1 FETCH (UID 7 BODY[2] {${bytes.length}}\r\n`);
      for (let at = 0; at < bytes.length; at += cut) await conn.write(bytes.slice(at, at + cut));
      await conn.write(")\r\n");
    }
    return `${verb === "CAPABILITY" ? "* CAPABILITY IMAP4rev1\r\n" : ""}${tag} OK\r\n`;
  });
  await using mail = await connectImap({ tls: "none", timeout: 30_000, port: server.port });
  const { content, charset, part: described } = await mail.download(7, part ?? "2");
  const text = await new Response(content).text();
  await mail.noop();
  return { text, charset, type: described.type };
}

Deno.test("download() decodes transfer encodings", async () => {
  const cases: [string, string, string][] = [
    ["BASE64", "aGVsbG8=", "hello"],
    ["base64", "aGVs\r\nbG8", "hello"],
    ["base64", "aGVsbG8=\r\naGVsbG8=", "hellohello"],
    ["base64", "-- aGVs!bG8*\r\n", "hello"],
    ["base64", "", ""],
    ["QUOTED-PRINTABLE", "a=3Db=\r\nc =20\t \r\nd=", "a=bc  \r\nd"],
    [
      "quoted-printable",
      "soft = \t\r\nbreak, =c3=BC, =ZZ, =4, 100%=",
      "soft break, ü, =ZZ, =4, 100%",
    ],
    ["quoted-printable", "unix=\nline \nend \t", "unixline\nend"],
    ["quoted-printable", "a=\rb==41", "a=\rb=A"],
    ["7BIT", "a=3Db", "a=3Db"],
    ["8bit", "x \r\n", "x \r\n"],
    ["x-unknown", "aGk=", "aGk="],
  ];
  for (const [encoding, body, text] of cases) {
    for (const cut of [1, 2, 3, 1000]) {
      assertEquals((await download({ encoding, body }, undefined, cut)).text, text, body);
    }
  }
});

Deno.test("download() decodes the charset of texts, and leaves other parts as they are", async () => {
  const charset = (name: string) => `("CHARSET" "${name}")`;
  assertEquals(
    await download({
      parameters: charset("iso-8859-1"),
      encoding: "quoted-printable",
      body: "caf=E9",
    }),
    { text: "café", charset: "utf-8", type: "text/plain" },
  );
  const japanese = {
    parameters: charset("ISO-2022-JP"),
    encoding: "7bit",
    body: "\x1b$BF|K\\\x1b(B",
  };
  assertEquals((await download(japanese, undefined, 1)).text, "日本");
  assertEquals(
    (await download({ parameters: charset("cp437"), encoding: "8bit", body: "na\x8bve" })).text,
    "naïve",
  );
  assertEquals(
    await download({ parameters: charset("x-none"), encoding: "base64", body: "aGk=" }),
    { text: "hi", charset: "x-none", type: "text/plain" },
  );
  const image = {
    type: '"IMAGE" "SVG"',
    parameters: charset("utf-16"),
    encoding: "base64",
    body: "aGk=",
  };
  assertEquals(await download(image), { text: "hi", charset: "utf-16", type: "image/svg" });
});

Deno.test("download() rejects a part that there is not", async () => {
  const part = { encoding: "7bit", body: "" };
  const error = await assertRejects(() => download(part, "3"), NetError, "no part 3");
  assertEquals(error.kind, "protocol");
  for (const bad of ["", "0", "1.", "TEXT", "1] (x"]) {
    await assertRejects(() => download(part, bad), TypeError, "part must be");
  }
});

Deno.test("download() gives any bytes back, however they are encoded and cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 90 }),
      async (bytes, cut) => {
        const written = bytes.toBase64().replace(/.{20}/g, "$&\r\n");
        const escaped = Array.from(
          bytes,
          (byte) => `=${byte.toString(16).padStart(2, "0").toUpperCase()}`,
        )
          .join("").replace(/.{30}/g, "$&=\r\n");
        const type = '"A" "B"';
        const text = new TextDecoder().decode(bytes);
        const base64 = await download({ type, encoding: "base64", body: written }, undefined, cut);
        const quoted = await download(
          { type, encoding: "quoted-printable", body: escaped },
          undefined,
          cut,
        );
        assertEquals([base64.text, quoted.text], [text, text]);
      },
    ),
    { numRuns: 30 },
  );
});
