import { assert, assertEquals } from "@std/assert";
import { createServer, type Socket } from "node:net";
import {
  createClient,
  type HttpClient,
  type HttpRequestOptions,
} from "../../../http/client/client.ts";
import { HttpRequestError } from "../../../http/client/errors.ts";

type Ending = "end" | "reset" | "stall";

const encoder = new TextEncoder();

const RESPONSES: Readonly<Record<string, string>> = {
  length: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
  chunks: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
};

/** A server that breaks off a response after some bytes, as the path of the request says. */
async function faulty() {
  const sockets = new Set<Socket>();
  const seen = new Map<string, number>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let text = "";
    socket.on("data", (data) => {
      text += data;
      const head = text.indexOf("\r\n\r\n");
      if (head === -1) return;
      const whole = /\r\ntransfer-encoding:/i.test(text)
        ? text.endsWith("0\r\n\r\n")
        : text.length === head + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (!whole) return;
      const path = text.split(" ")[1]!;
      text = "";
      seen.set(path, (seen.get(path) ?? 0) + 1);
      const [, kind = "", ending, at] = path.split("/");
      const response = RESPONSES[kind]!;
      socket.write(response.slice(0, Number(at)));
      if (ending === "end") socket.end();
      if (ending === "reset") socket.resetAndDestroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    /** Resolves when the clients have closed all connections. */
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

const stream = () => ReadableStream.from([encoder.encode("ab"), encoder.encode("c")]);
const REQUESTS:
  readonly (readonly [name: string, method: string, options: () => HttpRequestOptions])[] = [
    ["GET", "GET", () => ({})],
    ["PUT", "PUT", () => ({ body: "abc" })],
    ["POST", "POST", () => ({ body: "abc" })],
    ["POST with a key", "POST", () => ({ body: "abc", headers: { "Idempotency-Key": "7" } })],
    ["PUT of a stream", "PUT", () => ({ body: stream() })],
  ];

/** Sends one request, and returns its body or its error, with the number of earlier tries. */
async function outcome(
  client: HttpClient,
  method: string,
  url: string,
  options: HttpRequestOptions,
) {
  try {
    const response = await client.request(method, url, options);
    return { text: await response.text(), tries: response.history.length + 1 };
  } catch (error) {
    assert(error instanceof HttpRequestError, `${error}`);
    return { error, tries: error.history.length + 1 };
  }
}

for (const [name, method, options] of REQUESTS) {
  const isRepeatable = name !== "POST" && name !== "PUT of a stream";

  for (const ending of ["end", "reset"] as const satisfies Ending[]) {
    Deno.test(`a server may ${ending} at any byte of the response to ${name}: requests are counted`, async () => {
      await using server = await faulty();
      for (const kept of [false, true]) {
        for (const [kind, response] of Object.entries(RESPONSES)) {
          for (let at = 0; at <= response.length; at++) {
            // No other retries than those of a dead connection.
            const retry = { connect: 0, read: 0, other: 0 };
            await using client = createClient({ retry, maxPerHost: 1 });
            const { length } = response;
            if (kept) await client.get(`${server.url}/${kind}/keep/${length}`).text();
            const path = `/${kind}/${ending}/${at}/${name.replaceAll(" ", "-")}/${kept}`;
            const { text, error, tries } = await outcome(
              client,
              method,
              server.url + path,
              options(),
            );
            const what = `${path}: ${error}`;
            // A reset may destroy bytes that the client has not read.
            if (at === length && (ending === "end" || error === undefined)) {
              assertEquals(text, "hello", what);
            } else {
              assert(error !== undefined && /^(truncated|reset)$/.test(error.kind), what);
              assertEquals(error.sent, "maybe", what);
            }
            assertEquals(server.seen.get(path), tries, what);
            const repeats = kept && isRepeatable &&
              (at === 0 || (ending === "reset" && tries === 2));
            assertEquals(tries, repeats ? 2 : 1, what);
            assertEquals(client.stats().active, 0);
          }
        }
      }
    });
  }

  Deno.test(`a stall at any byte of the response to ${name} ends at its time limit`, async () => {
    await using server = await faulty();
    const timeouts = { headers: 1000, body: 1000 };
    await using client = createClient({ retry: false, maxPerHost: 200, timeouts });
    const work = Object.entries(RESPONSES).flatMap(([kind, response]) =>
      Array.from({ length: response.length }, async (_, at) => {
        const path = `/${kind}/stall/${at}`;
        const { error, tries } = await outcome(client, method, server.url + path, options());
        assertEquals(
          [error?.kind, error?.sent, tries],
          ["timeout", "maybe", 1],
          `${path} ${error}`,
        );
        assertEquals(server.seen.get(path), 1);
      })
    );
    await Promise.all(work);
    assertEquals(client.stats().active, 0);
  });

  Deno.test(`a server that ends or resets before it has read ${name} sees it at most once`, async () => {
    for (const destroy of ["destroy", "resetAndDestroy"] as const) {
      for (const bytes of [0, 1, 30]) {
        let connections = 0;
        const server = createServer((socket) => {
          connections++;
          socket.on("error", () => {});
          let count = 0;
          if (bytes === 0) return void socket[destroy]();
          socket.on("data", ({ length }) => {
            if ((count += length) >= bytes) socket[destroy]();
          });
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const { port } = server.address() as { port: number };
        {
          await using client = createClient({ retry: false });
          const url = `http://127.0.0.1:${port}/`;
          const { error, tries } = await outcome(client, method, url, options());
          assert(error !== undefined && /^(truncated|reset)$/.test(error.kind), `${error}`);
          assertEquals([tries, connections], [1, 1]);
        }
        await new Promise<void>((resolve) => server.close(() => resolve()));
      }
    }
  });
}
