import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type FormLimits,
  formParts,
  readForm,
  type ReadFormOptions,
} from "../../../http/handlers/form.ts";
import { readJson } from "../../../http/handlers/json.ts";
import { ProblemError } from "../../../http/problem.ts";
import { serveHttp } from "../../../http/server/server.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const MULTIPART = "multipart/form-data; boundary=b";
const URLENCODED = "application/x-www-form-urlencoded";

function bytesOf(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A request whose body arrives in pieces of a size. */
function request(body: string | Bytes, type = MULTIPART, piece = Infinity): Request {
  const bytes = typeof body === "string" ? bytesOf(body) : body;
  const stream = ReadableStream.from(function* () {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.slice(at, at + piece);
  }());
  return new Request("http://h/", {
    method: "POST",
    headers: { "content-type": type },
    body: stream,
  });
}

async function read(request: Request, options?: ReadFormOptions) {
  const entries: [string, string, string?, string?][] = [];
  for (const [name, value] of await readForm(request, options)) {
    if (typeof value === "string") entries.push([name, value]);
    else entries.push([name, await value.text(), value.name, value.type]);
  }
  return entries;
}

async function fails(request: Request, options?: ReadFormOptions): Promise<string> {
  const error = await assertRejects(() => readForm(request, options), ProblemError);
  return `${error.status} ${error.options.detail}`;
}

/** A part with a `Content-Disposition`. */
const part = (disposition: string, content: string, more = "") =>
  `--b\r\nContent-Disposition: ${disposition}\r\n${more}\r\n${content}\r\n`;
const field = (name: string, content: string) => part(`form-data; name="${name}"`, content);

for (const piece of [1, 2, 3, 7, 64, Infinity]) {
  Deno.test(`readForm() reads fields and files in pieces of ${piece} bytes`, async () => {
    const body = "preamble\r\n" + field("a", "1") + field("a", "") + field("b", "x\r\ny\r\n--c") +
      part(
        'form-data; name="f"; filename="a.txt"',
        "\r\n--\r\n-\r\r\n",
        "Content-Type: image/png\r\n",
      ) +
      part("form-data; name=bare", "v") + "--b--\r\nepilogue --b\r\n";
    assertEquals(await read(request(body, MULTIPART, piece)), [
      ["a", "1"],
      ["a", ""],
      ["b", "x\r\ny\r\n--c"],
      ["f", "\r\n--\r\n-\r\r\n", "a.txt", "image/png"],
      ["bare", "v"],
    ]);
    assertEquals(await read(request("a=1&b=%C3%A4+%26&&c&a=2", URLENCODED, piece)), [
      ["a", "1"],
      ["b", "ä &"],
      ["c", ""],
      ["a", "2"],
    ]);
  });
}

Deno.test("readForm() reads the same from pieces of any size", async () => {
  const text = fc.string({ unit: fc.constantFrom("\r", "\n", "-", "b", "x", "é") });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(text, fc.boolean()), { maxLength: 5 }),
      fc.integer({ min: 1, max: 40 }),
      async (values, piece) => {
        const form = new FormData();
        values.forEach(([value, isFile], i) => {
          if (isFile) form.append(`n${i}`, new File([value], "f"));
          else form.append(`n${i}`, value);
        });
        const encoded = new Response(form);
        const type = encoded.headers.get("content-type")!;
        const expected: (string | undefined)[] = [];
        for (const [, value] of form) {
          // A field's line ends become CRLF (HTML Standard §4.10.21.8).
          expected.push(
            typeof value === "string" ? value.replace(/\r\n|\r|\n/g, "\r\n") : await value.text(),
          );
        }
        const got = await read(request(await encoded.bytes(), type, piece));
        assertEquals(got.map(([, value]) => value), expected);
      },
    ),
    { numRuns: 200 },
  );
});

for (
  const [what, body, expected] of [
    ["a boundary in quotes and padding", part("form-data; name=a", "1").replace("--b", "--b \t"), [[
      "a",
      "1",
    ]]],
    [
      "an empty part without its own line end",
      '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n',
      [["a", ""]],
    ],
    [
      "names with quotes, blanks and bytes of UTF-8",
      part('form-data ; NAME="a\\"b c\xc3\xa9"', "1"),
      [['a"b cé', "1"]],
    ],
    [
      "a path of Windows as a file's name",
      part('form-data; name=f; filename="C:\\d\\a.txt"', "1"),
      [["f", "1", "C:\\d\\a.txt", "text/plain"]],
    ],
    ["U+FEFF in a field", part("form-data; name=a", "\xef\xbb\xbf1"), [["a", "\ufeff1"]]],
    // Browsers do not escape a backslash.
    [
      "a backslash at the end of a name",
      part('form-data; name="C:\\"; filename="a\\"', "1"),
      [["C:\\", "1", "a\\", "text/plain"]],
    ],
    ["a file without a name", part('form-data; name=f; filename=""', ""), [[
      "f",
      "",
      "",
      "text/plain",
    ]]],
    [
      "a transfer encoding that changes nothing",
      part("form-data; name=a", "1", "Content-Transfer-Encoding: 8BIT\r\n"),
      [["a", "1"]],
    ],
    ["unknown fields", part("form-data; name=a", "1", "X: y\r\n"), [["a", "1"]]],
    ["no part", "", []],
  ] as const
) {
  Deno.test(`readForm() takes ${what}`, async () => {
    const got = await read(request(`${body}--b--`, 'multipart/form-data; boundary="b"'));
    assertEquals(got, expected as unknown as typeof got);
  });
}

for (
  const [what, type, body, message] of [
    ["another type", "text/plain", "x", "415 The body must be a form"],
    ["no type", "", "x", "415 The body must be a form"],
    ["no boundary", "multipart/form-data", "x", "400 The multipart form names no valid boundary"],
    [
      "a long boundary",
      `multipart/form-data; boundary=${"b".repeat(71)}`,
      "x",
      "400 The multipart form names",
    ],
    [
      "a boundary with a line end",
      'multipart/form-data; boundary="a\u0001"',
      "x",
      "400 The multipart form names",
    ],
    ["no delimiter", MULTIPART, "x", "400 The form is truncated"],
    ["nothing", MULTIPART, "", "400 The form is truncated"],
    ["a cut head", MULTIPART, "--b\r\ncontent-disposition: form-data", "400 The form is truncated"],
    [
      "a cut value",
      MULTIPART,
      "--b\r\ncontent-disposition: form-data; name=a\r\n\r\nv",
      "400 The form is truncated",
    ],
    ["a cut boundary", MULTIPART, `${field("a", "1")}--b-`, "400 The form is truncated"],
    [
      "a missing last boundary",
      MULTIPART,
      field("a", "1") + "--b\r\n",
      "400 The form is truncated",
    ],
    ["no name", MULTIPART, `${part("form-data", "v")}--b--`, "400 A part of the form has no name"],
    [
      "another disposition",
      MULTIPART,
      `${part("attachment; name=a", "v")}--b--`,
      "400 A part of the form has no name",
    ],
    ["no disposition", MULTIPART, "--b\r\n\r\nv\r\n--b--", "400 A part of the form has no name"],
    [
      "a field twice",
      MULTIPART,
      `${part("form-data; name=a", "", "content-disposition: form-data; name=b\r\n")}--b--`,
      "400 A part has more than one",
    ],
    [
      "a bare LF",
      MULTIPART,
      "--b\r\ncontent-disposition: form-data; name=a\n\r\nv\r\n--b--",
      "400 A line of a part ends in a bare LF",
    ],
    [
      "a malformed field",
      MULTIPART,
      "--b\r\nname\r\n\r\nv\r\n--b--",
      "400 A field of a part is malformed",
    ],
    [
      "a control character",
      MULTIPART,
      "--b\r\nx: \0\r\n\r\nv\r\n--b--",
      "400 A field of a part holds a control character",
    ],
    [
      "base64",
      MULTIPART,
      `${part("form-data; name=a", "djE=", "Content-Transfer-Encoding: base64\r\n")}--b--`,
      "400 A part of the form has a transfer encoding",
    ],
    ["a bad boundary", MULTIPART, "--b-x\r\n", "400 A boundary of the form is malformed"],
    [
      "endless padding",
      MULTIPART,
      `--b${" ".repeat(500)}`,
      "400 A boundary of the form is malformed",
    ],
    [
      "an endless head",
      MULTIPART,
      `--b\r\nx: ${"y".repeat(20_000)}`,
      "413 The head of a part has more than 16384 bytes",
    ],
  ] as const
) {
  for (const piece of [1, Infinity]) {
    Deno.test(`readForm() refuses ${what}, in pieces of ${piece}`, async () => {
      const message400 = await fails(request(body, type, piece));
      assert(message400.startsWith(message), message400);
    });
  }
}

Deno.test("readForm() holds its limits", async () => {
  const many = (count: number) => field("a", "1").repeat(count) + "--b--";
  assertEquals((await read(request(many(3)), { maxParts: 3 })).length, 3);
  for (
    const [body, options, type] of [
      [many(4), { maxParts: 3 }, MULTIPART],
      ["a=1&".repeat(3) + "a=1", { maxParts: 3 }, URLENCODED],
      ["a=1&".repeat(2_000_000), {}, URLENCODED],
      [many(1001), {}, MULTIPART],
      [field("a", "12345"), { maxFieldSize: 4 }, MULTIPART],
      ["a=%C3%A9%C3%A9", { maxFieldSize: 3 }, URLENCODED],
      [part("form-data; name=f; filename=f", "12345"), { maxFileSize: 4 }, MULTIPART],
      [field("a", "1") + "--b--", { maxSize: 50 }, MULTIPART],
    ] as const
  ) assert((await fails(request(body, type), options)).startsWith("413"));
  for (
    const limits of [{ maxSize: 0 }, { maxParts: -1 }, { maxFieldSize: NaN }, { maxFileSize: 1.5 }]
  ) {
    assertThrows(() => formParts(request(""), limits as FormLimits), RangeError);
  }
});

Deno.test("readForm() refuses a compressed form", async () => {
  const one = request(field("a", "1"));
  one.headers.set("content-encoding", "gzip");
  assert((await fails(one)).startsWith("415"));
});

Deno.test("formParts() returns files as streams, and skips unread ones", async () => {
  const big = "x".repeat(300_000);
  const body = part("form-data; name=a; filename=a", big) +
    part("form-data; name=b; filename=b", big) + field("c", "3") + "--b--";
  const seen: unknown[] = [];
  let old: { text(): Promise<string> } | undefined;
  for await (const one of formParts(request(body, MULTIPART, 1000))) {
    if (one.name === "a") {
      let size = 0;
      for await (const chunk of one.body) size += chunk.length;
      seen.push(size);
    } else if (one.name === "b") {
      await one.body.getReader().read();
      old = one;
    } else {
      await assertRejects(() => old!.text(), TypeError, "after the next one was asked for");
      seen.push(await one.text());
    }
  }
  assertEquals(seen, [300_000, "3"]);
});

Deno.test("FormPart.save() writes a file whole or not at all", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const whole = part("form-data; name=f; filename=f", "x".repeat(200_000));
    const onFile = async (one: { save(path: string): Promise<number> }) =>
      assertEquals(await one.save(`${folder}/f`), 200_000);
    const form = await readForm(request(whole + field("a", "1") + "--b--", MULTIPART, 999), {
      onFile,
    });
    assertEquals([...form], [["a", "1"]]);
    assertEquals((await Deno.stat(`${folder}/f`)).size, 200_000);
    // It never replaces a file.
    await assertRejects(
      () => readForm(request(whole + "--b--"), { onFile }),
      Deno.errors.AlreadyExists,
    );
    const cut = request(whole.slice(0, -10), MULTIPART, 999);
    await assertRejects(
      () => readForm(cut, { onFile: async (one) => void await one.save(`${folder}/g`) }),
      ProblemError,
      "truncated",
    );
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["f"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readForm() and readJson() need little memory for bodies in tiny pieces", async () => {
  // Each piece as an object of its own would be about a hundred times the body.
  const size = 300_000;
  const one = request(field("a", "x".repeat(size)) + "--b--", MULTIPART, 1);
  assertEquals((await read(one))[0]![1].length, size);
  const json = request(`"${"x".repeat(size)}"`, "application/json", 1);
  assertEquals((await readJson<string>(json)).length, size);
});

for (const hardened of [false, true]) {
  Deno.test(`readForm() answers problems on ${hardened ? "the hardened transport" : "Deno.serve"}`, async () => {
    await using server = serveHttp({ hardened }, async (request) => {
      const form = await readForm(request, { maxParts: 2 });
      return new Response([...form.keys()].join());
    });
    const post = async (body: BodyInit, type?: string) => {
      const headers = type === undefined ? undefined : { "content-type": type };
      const response = await fetch(server.url, { method: "POST", body, headers });
      return [
        response.status,
        response.ok ? await response.text() : (await response.json()).detail,
      ];
    };
    const form = new FormData();
    form.append("a", "1");
    form.append("b", new File(["x".repeat(100_000)], "b"));
    assertEquals(await post(form), [200, "a,b"]);
    assertEquals(await post("a=1&b=2&c=3", URLENCODED), [413, "The form has more than 2 fields"]);
    assertEquals(await post(field("a", "1"), MULTIPART), [400, "The form is truncated"]);
    assertEquals((await post("x", "text/plain"))[0], 415);
    assertEquals(server.stats().failed, 0);
  });
}

for (const hardened of [false, true]) {
  const where = hardened ? "the hardened transport" : "Deno.serve";

  Deno.test(`request.formData() has limits and problems of its own on ${where}`, async () => {
    const count = async (request: Request) =>
      new Response(`${[...await request.formData()].length}`);
    await using server = serveHttp({ hardened }, (request) => {
      if (!request.url.endsWith("/framework")) return count(request);
      // A framework turns errors of its handlers into responses by itself.
      return count(request).catch(() => new Response("Internal Server Error", { status: 500 }));
    });
    const post = async (path: string, body: BodyInit, type?: string) => {
      const headers = type === undefined ? undefined : { "content-type": type };
      const response = await fetch(server.url + path, { method: "POST", body, headers });
      const text = await response.text();
      return response.ok ? text : response.status;
    };
    const form = new FormData();
    form.append("a", new File(["x"], "a"));
    for (const path of ["/", "/framework"]) {
      assertEquals(await post(path, form), "1");
      assertEquals(await post(path, new URLSearchParams("a=1&b=2")), "2");
      assertEquals(await post(path, field("a", "1"), MULTIPART), 400);
      assertEquals(await post(path, "x", "multipart/form-data"), 400);
      assertEquals(await post(path, "x", "text/plain"), 415);
      assertEquals(await post(path, "a=1&".repeat(5000), URLENCODED), 413);
    }
    assertEquals(server.stats().failed, 0);
  });
}
