import { assert, assertEquals, assertRejects } from "@std/assert";
import { createClient } from "../../../http/client/client.ts";
import { HttpRequestError, HttpStatusError } from "../../../http/client/errors.ts";
import { echo, RawServer, serve } from "../../_support/http_servers.ts";

interface Echo {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  body: string;
}

/** A server that redirects once with this status. */
function redirecting(status: number, to: () => string) {
  return serve(() => new Response(null, { status, headers: { location: to() } }));
}

Deno.test("a redirect keeps or changes the method as its status says", async () => {
  await using target = echo();
  const rows: Array<[number, string, string, string]> = [
    [301, "POST", "GET", ""],
    [302, "POST", "GET", ""],
    [302, "PUT", "PUT", "x"],
    [303, "PUT", "GET", ""],
    [303, "HEAD", "HEAD", ""],
    [307, "POST", "POST", "x"],
    [308, "PATCH", "PATCH", "x"],
  ];
  await using client = createClient();
  for (const [status, method, then, body] of rows) {
    await using server = redirecting(status, () => `${target.url}new#part`);
    const options = method === "HEAD" ? {} : { body: "x", headers: { "content-language": "en" } };
    const response = await client.request(method, `${server.url}old?key=secret`, options);
    assertEquals(response.redirected, true);
    assertEquals(response.url, `${target.url}new`);
    assertEquals(response.history.map((one) => [one.method, one.status, one.location]), [
      [method, status, `${target.url}new`],
    ]);
    assert(!Deno.inspect(response.history).includes("secret"));
    if (method === "HEAD") continue;
    const sent = await response.json<Echo>();
    assertEquals([sent.method, sent.body], [then, body], `${status} ${method}`);
    assertEquals(sent.headers["content-language"], body === "" ? undefined : "en");
    assertEquals(sent.headers["content-type"] === undefined, body === "");
  }
});

Deno.test("credentials stay with their origin, whoever redirects", async () => {
  await using target = echo();
  await using crossing = redirecting(307, () => target.url);
  await using inside = serve((request) =>
    request.url.endsWith("/old")
      ? new Response(null, { status: 302, headers: { location: "/new" } })
      : Response.json(Object.fromEntries(request.headers))
  );
  const headers = { authorization: "Bearer h", cookie: "a=b", "x-kept": "1" };
  for (
    const options of [{ headers }, { auth: { bearer: "h" } }, {
      auth: { username: "u", password: "p" },
    }]
  ) {
    await using client = createClient(options);
    const away = await client.get(crossing.url).json<Echo>();
    assertEquals([away.headers.authorization, away.headers.cookie], [undefined, undefined]);
    const home = await client.get(`${inside.url}old`).json<Record<string, string>>();
    assert(home.authorization?.match(/^(Bearer h|Basic dTpw)$/));
    if ("headers" in options) assertEquals(away.headers["x-kept"], "1");
  }
  // Nor can a server choose what we prove ourselves with.
  await using sly = redirecting(302, () => target.url.replace("//", "//evil:secret@"));
  await using client = createClient();
  assertEquals((await client.get(sly.url).json<Echo>()).headers.authorization, undefined);
  const named = target.url.replace("//", "//u:p@");
  assertEquals((await client.get(named).json<Echo>()).headers.authorization, "Basic dTpw");
});

Deno.test("the secrets of a client belong to its base URL", async () => {
  await using home = echo();
  await using away = echo();
  await using client = createClient({
    baseUrl: home.url,
    auth: { bearer: "t" },
    headers: { cookie: "a=b", "x-kept": "1" },
  });
  assertEquals((await client.get("x").json<Echo>()).headers.authorization, "Bearer t");
  const { headers } = await client.get(away.url).json<Echo>();
  assertEquals([headers.authorization, headers.cookie, headers["x-kept"]], [
    undefined,
    undefined,
    "1",
  ]);
});

Deno.test("redirects have a limit, also that of retries, and can be left to the caller", async () => {
  let count = 0;
  await using loop = serve(() => {
    count++;
    return new Response(null, { status: 302, headers: { location: "/" } });
  });
  await using client = createClient({ retry: false });
  const error = await assertRejects(() => client.get(loop.url), HttpRequestError);
  assertEquals([error.kind, error.history.length, count], ["limit", 20, 21]);
  const few = await assertRejects(
    () => client.get(loop.url, { retry: { total: 0, redirect: 2 } }),
    HttpRequestError,
  );
  assertEquals([few.kind, few.history.length], ["limit", 2]);
  const manual = await client.get(loop.url, { maxRedirects: 0 });
  assertEquals([manual.status, manual.headers.get("location")], [302, "/"]);
  assertEquals((await client.fetch(loop.url, { redirect: "manual" })).status, 302);
  await assertRejects(() => client.fetch(loop.url, { redirect: "error" }), HttpRequestError);
  assertEquals(client.stats().active, 0);
});

Deno.test("a redirect leads nowhere but to http and https", async () => {
  await using client = createClient({ retry: false });
  for (
    const to of ["file:///etc/passwd", "data:text/plain,hi", "ftp://a/", "http://", "http://[::"]
  ) {
    await using server = new RawServer(
      `HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    const error = await assertRejects(
      () => client.get(server.url),
      HttpRequestError,
      undefined,
      to,
    );
    assertEquals(error.kind, "protocol");
  }
  await using nowhere = new RawServer("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
  assertEquals((await client.get(nowhere.url)).status, 302);
  assertEquals(client.stats().active, 0);
});

Deno.test("a stream is not sent again where a redirect would need it", async () => {
  await using target = echo();
  await using client = createClient();
  const body = () => ReadableStream.from([new TextEncoder().encode("x")]);
  await using keeps = redirecting(307, () => target.url);
  const error = await assertRejects(
    () => client.post(keeps.url, { body: body() }),
    HttpRequestError,
  );
  assertEquals(error.kind, "usage");
  await using drops = redirecting(303, () => target.url);
  assertEquals((await client.post(drops.url, { body: body() }).json<Echo>()).method, "GET");
  await using gone = redirecting(307, () => `${target.url}none`);
  await using missing = serve(() => new Response("", { status: 404 }));
  await using to = redirecting(302, () => missing.url);
  const status = await assertRejects(() => client.get(to.url), HttpStatusError);
  assertEquals([status.url, status.history.length], [missing.url, 1]);
  void gone;
});

Deno.test("a place that a server forgot to encode is read as UTF-8", async () => {
  await using server = new RawServer((index) =>
    new TextEncoder().encode(
      `${
        index === 0 ? "HTTP/1.1 302 Found\r\nLocation: /ä b" : "HTTP/1.1 200 OK\r\nX: y"
      }\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    )
  );
  await using client = createClient();
  assertEquals((await client.get(server.url)).url, `${server.url}%C3%A4%20b`);
});
