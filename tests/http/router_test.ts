import { assertEquals, assertThrows } from "@std/assert";
import { router } from "../../http/router.ts";
import type { HttpHandler, HttpInfo } from "../../http/server_options.ts";

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

Deno.test("router() decodes a slash and dots that do not climb", async () => {
  assertEquals(await ask(routes, "GET", "/users/a%2Fb..c%2F...%2F.d"), [
    200,
    'user {"id":"a/b..c/.../.d"}',
  ]);
});

Deno.test("router() rejects patterns that are malformed or there twice", () => {
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
