import { assertEquals, assertThrows } from "@std/assert";
import { rateLimit } from "../../../http/handlers/rate_limit.ts";
import { group, router } from "../../../http/handlers/router.ts";
import type { HttpHandler, HttpInfo } from "../../../http/server/options.ts";

const info = {} as HttpInfo;
const ask = async (handler: HttpHandler, method: string, path: string) => {
  const response = await handler(new Request(`http://h${path}`, { method }), info);
  return [response.status, response.headers.get("allow") ?? await response.text()];
};
const show = (name: string) => (_request: Request, _info: HttpInfo, params: object) =>
  new Response(`${name} ${JSON.stringify(params)}`);

const routes = router({
  "GET /": show("root"),
  "GET /users": show("list"),
  "POST /users": show("create"),
  "GET /users/me": show("me"),
  "GET /users/:id": show("user"),
  "GET /users/:id/posts/:post": show("post"),
  "DELETE /users/:name": show("remove"),
  "/files/*": show("files"),
  "GET /files/index": show("index"),
  "GET /a/:b/x": show("abx"),
  "GET /a/b/y": show("aby"),
});

for (
  const [method, path, status, text] of [
    ["GET", "/", 200, "root {}"],
    ["GET", "/?q=/users", 200, "root {}"],
    ["GET", "/users", 200, "list {}"],
    ["HEAD", "/users", 200, "list {}"],
    ["POST", "/users", 200, "create {}"],
    ["GET", "/users/me", 200, "me {}"],
    ["GET", "/users/7?x", 200, 'user {"id":"7"}'],
    ["DELETE", "/users/7", 200, 'remove {"name":"7"}'],
    ["GET", "/users/a%2Fb%20c", 200, 'user {"id":"a/b c"}'],
    ["GET", "/%75sers/%6De", 200, "me {}"],
    ["GET", "/users/1/posts/2", 200, 'post {"id":"1","post":"2"}'],
    ["PATCH", "/files/a/b", 200, 'files {"*":"a/b"}'],
    ["GET", "/files/", 200, 'files {"*":""}'],
    ["GET", "/files/index", 200, "index {}"],
    ["GET", "/a/b/x", 200, 'abx {"b":"b"}'],
    ["GET", "/a/b/y", 200, "aby {}"],
    ["OPTIONS", "/users/7", 204, "DELETE, GET, HEAD, OPTIONS"],
    ["OPTIONS", "/*", 204, "DELETE, GET, HEAD, OPTIONS, POST"],
    ["PUT", "/users", 405, "GET, HEAD, OPTIONS, POST"],
  ] as const
) {
  Deno.test(`router() answers ${method} ${path} with ${status}`, async () => {
    assertEquals(await ask(routes, method, path), [status, text]);
  });
}

for (const path of ["/nothing", "/users/", "/users/7/", "//users", "/files", "/users//posts/2"]) {
  Deno.test(`router() answers 404 to ${path}`, async () => {
    assertEquals((await ask(routes, "GET", path))[0], 404);
  });
}

// `new Request` would resolve the dots, but a server's request keeps them.
for (
  const path of [
    "/files/../x",
    "/files/%2e%2e/x",
    "/files/..%2f..%2fetc",
    "/files/a%2F..",
    "/files/a%2f%2e%2fb",
    "/files/..%5cetc",
    "/users/..%2fsecret",
    "/users/a%5C..%5cb",
    "/files/a%00b",
    "/users/%ff",
    "/users/%",
  ]
) {
  Deno.test(`router() answers 400 to ${path}`, async () => {
    const request = { url: `http://h${path}`, method: "GET" } as Request;
    assertEquals((await routes(request, info)).status, 400);
  });
}

Deno.test("router() decodes a slash, and dots that do not lead upwards", async () => {
  assertEquals(await ask(routes, "GET", "/users/a%2Fb..c%2F...%2F.d"), [
    200,
    'user {"id":"a/b..c/.../.d"}',
  ]);
});

Deno.test("router() chooses the most exact path with the method", async () => {
  const handler = router({
    "GET /a/b": show("get"),
    "POST /a/:x": show("post"),
    "/a/*": show("any"),
    "DELETE /c/:x": show("delete"),
    "GET /c/d": show("cd"),
  });
  assertEquals(await ask(handler, "GET", "/a/b"), [200, "get {}"]);
  assertEquals(await ask(handler, "POST", "/a/b"), [200, 'post {"x":"b"}']);
  assertEquals(await ask(handler, "PUT", "/a/b"), [200, 'any {"*":"b"}']);
  assertEquals(await ask(handler, "DELETE", "/c/d"), [200, 'delete {"x":"d"}']);
  assertEquals(await ask(handler, "PUT", "/c/d"), [405, "DELETE, GET, HEAD, OPTIONS"]);
  assertEquals(await ask(handler, "OPTIONS", "/c/d"), [204, "DELETE, GET, HEAD, OPTIONS"]);
  assertEquals(await ask(handler, "HEAD", "/c/d"), [200, "cd {}"]);
});

Deno.test("router() converts parameters to their types, and rejects other values", async () => {
  const handler = router({
    "GET /n/:id<int>": (_request, _info, { id }) => new Response(`int ${id + 1}`),
    "GET /n/:name": show("name"),
    "GET /u/:id<uuid>/x": show("uuid"),
    "PUT /n/:id<int>": show("put"),
  });
  assertEquals(await ask(handler, "GET", "/n/41"), [200, "int 42"]);
  assertEquals(await ask(handler, "GET", "/n/-1"), [200, "int 0"]);
  assertEquals(await ask(handler, "GET", "/n/1e3"), [200, 'name {"name":"1e3"}']);
  assertEquals(await ask(handler, "GET", "/n/0x1"), [200, 'name {"name":"0x1"}']);
  assertEquals(await ask(handler, "GET", `/n/${"9".repeat(16)}`), [
    200,
    `name {"name":"${"9".repeat(16)}"}`,
  ]);
  assertEquals(await ask(handler, "PUT", "/n/a"), [405, "GET, HEAD, OPTIONS"]);
  const uuid = "0190163D-8694-739B-AEA5-966C26F8AD91";
  assertEquals(await ask(handler, "GET", `/u/${uuid}/x`), [
    200,
    `uuid {"id":"${uuid.toLowerCase()}"}`,
  ]);
  assertEquals((await ask(handler, "GET", "/u/1/x"))[0], 404);
});

Deno.test("router() can be mounted in another one", async () => {
  const api = router({ "GET /": show("root"), "GET /users/:id": show("user") }, {
    prefix: "/v1/api",
  });
  const handler = router({ "/v1/*": api, "/v1/api": api, "GET /": show("top") });
  assertEquals(await ask(handler, "GET", "/"), [200, "top {}"]);
  assertEquals(await ask(handler, "GET", "/v1/api"), [200, "root {}"]);
  assertEquals(await ask(handler, "GET", "/v1/api/users/7"), [200, 'user {"id":"7"}']);
  assertEquals((await ask(handler, "GET", "/v1/users/7"))[0], 404);
  assertEquals(await ask(handler, "PUT", "/v1/api/users/7"), [405, "GET, HEAD, OPTIONS"]);
  for (const prefix of ["api", "/api/", "/a//b", "/:a", "/*"]) {
    assertThrows(() => router({}, { prefix }), TypeError);
  }
});

Deno.test("group() adds a prefix and wrappers to routes", async () => {
  const seen: string[] = [];
  const handler = router({
    ...group("/admin", { "GET /": show("root"), "/x/:id<int>": show("x") }, (inner) => {
      return (request, info) => {
        seen.push(new URL(request.url).pathname);
        return inner(request, info);
      };
    }),
    ...group("/open", { "GET /a": show("a") }),
  });
  assertEquals(await ask(handler, "GET", "/admin"), [200, "root {}"]);
  assertEquals(await ask(handler, "PATCH", "/admin/x/3"), [200, 'x {"id":3}']);
  assertEquals(await ask(handler, "GET", "/open/a"), [200, "a {}"]);
  assertEquals(seen, ["/admin", "/admin/x/3"]);
  // A wrapper keeps its state between requests.
  const limited = router(
    group(
      "/l",
      { "GET /:x": show("x") },
      (inner) => rateLimit(inner, { limit: 1, key: () => "k" }),
    ),
  );
  assertEquals((await ask(limited, "GET", "/l/1"))[0], 200);
  assertEquals((await ask(limited, "GET", "/l/2"))[0], 429);
});

Deno.test("router() rejects malformed and duplicate patterns", () => {
  const handler = () => new Response();
  for (
    const patterns of [
      ["users"],
      ["get /users"],
      ["GET users"],
      ["/a/*/b"],
      ["/a/:"],
      ["/:a/:a"],
      ["/a*"],
      ["/a?b"],
      ["GET /:a", "GET /:b"],
    ]
  ) {
    const table = Object.fromEntries(patterns.map((pattern) => [pattern, handler]));
    assertThrows(() => router(table), TypeError, "Cannot use the route");
  }
});
