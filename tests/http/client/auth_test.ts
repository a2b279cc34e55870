import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { createClient, type HttpAuthRequest } from "../../../http/client/client.ts";
import { HttpStatusError } from "../../../http/client/errors.ts";
import { digestAuthorization, type DigestChallenge } from "../../../http/internal/digest.ts";
import { parseChallenges } from "../../../http/internal/challenges.ts";
import { serve } from "../../_support/http_servers.ts";
import { needs } from "../../_support/peers.ts";
import { runPeer } from "../../_support/runnable.ts";

Deno.test("digestAuthorization() answers as the examples of RFC 7616 and RFC 2617 do", () => {
  const common = {
    method: "GET",
    target: "/dir/index.html",
    username: "Mufasa",
    password: "Circle of Life",
    body: undefined,
    count: 1,
    cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  };
  const challenge: DigestChallenge = {
    realm: "http-auth@example.org",
    nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    opaque: "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    algorithm: "SHA-256",
    hash: "sha256",
    session: false,
    qop: "auth",
    userhash: false,
    stale: false,
  };
  const response = (text: string) => /\bresponse="([0-9a-f]+)"/.exec(text)?.[1];
  assertEquals(
    response(digestAuthorization(challenge, common)),
    "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
  );
  const md5 = { ...challenge, algorithm: "MD5", hash: "md5" };
  assertEquals(response(digestAuthorization(md5, common)), "8ca523f5e9506fed4657c9700eebdbec");
  const old = { ...md5, realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093" };
  assertEquals(
    response(
      digestAuthorization(old, { ...common, password: "Circle Of Life", cnonce: "0a4f113b" }),
    ),
    "6629fae49393a05397450978507c4ef1",
  );
  // RFC 7616 §3.9.2: SHA-512-256, the hash of a name, and UTF-8.
  const named: DigestChallenge = {
    ...challenge,
    realm: "api@example.org",
    nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
    opaque: "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
    algorithm: "SHA-512-256",
    hash: "sha512-256",
    userhash: true,
  };
  const text = digestAuthorization(named, {
    ...common,
    target: "/doe.json",
    username: "Jäsøn Doe",
    password: "Secret, or not?",
    cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm",
  });
  assert(
    text.includes(
      'username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"',
    ),
    text,
  );
  const plain = digestAuthorization({ ...named, userhash: false }, { ...common, username: 'Jä"' });
  assert(plain.startsWith("Digest username*=UTF-8''J%C3%A4%22, "), plain);
  const bare = digestAuthorization({ ...md5, qop: undefined, opaque: undefined }, common);
  assert(!/qop|nc=|cnonce|opaque/.test(bare), bare);
});

Deno.test("parseChallenges() tells challenges from parameters", () => {
  const read = (value: string | null) =>
    parseChallenges(value).map((
      { scheme, parameters },
    ) => [scheme, Object.fromEntries(parameters)]);
  assertEquals(read(null), []);
  assertEquals(read("Basic"), [["basic", {}]]);
  assertEquals(read('Newauth realm="a, b=\\"c\\"", type=1,title = "x" , Basic realm=simple'), [
    ["newauth", { realm: 'a, b="c"', type: "1", title: "x" }],
    ["basic", { realm: "simple" }],
  ]);
  assertEquals(read("Negotiate YWJj==, Digest realm=x, REALM=y"), [
    ["negotiate", {}],
    ["digest", { realm: "x" }],
  ]);
  assertEquals(read(', realm=x, "y", =1'), []);
  assertEquals(parseChallenges("a, ".repeat(1000)).length, 20);
});

/** A server that wants a digest, and that counts what it gets. */
function digesting(
  { algorithm = "SHA-256", qop = 'qop="auth"', uses = Infinity, stale = true } = {},
) {
  let nonce = 0;
  let used = 0;
  const heard: string[] = [];
  const md = (text: string) =>
    createHash(/md5/i.test(algorithm) ? "md5" : "sha256").update(text).digest("hex");
  const server = serve(async (request) => {
    const { pathname, search } = new URL(request.url);
    const sent = request.headers.get("authorization") ?? "";
    const body = await request.text();
    const field = (name: string) => new RegExp(`\\b${name}="?([^",]*)`).exec(sent)?.[1] ?? "";
    heard.push(sent === "" ? "none" : `${field("nonce")} ${field("nc")}`);
    const session = /-sess/i.test(algorithm);
    let first = md("ada:here:secret");
    if (session) first = md(`${first}:${field("nonce")}:${field("cnonce")}`);
    const content = field("qop") === "auth-int" ? `:${md(body)}` : "";
    const second = md(`${request.method}:${pathname}${search}${content}`);
    const middle = field("qop") === ""
      ? field("nonce")
      : ["nonce", "nc", "cnonce", "qop"].map(field).join(":");
    const right = sent.startsWith("Digest ") && field("nonce") === `n${nonce}` &&
      field("response") === md(`${first}:${middle}:${second}`) && used < uses;
    if (right) {
      used++;
      return new Response(`ok ${body}`);
    }
    const old = stale && sent.includes("username") && used >= uses;
    nonce++;
    used = 0;
    const about = `realm="here", nonce="n${nonce}", algorithm=${algorithm}, ${qop}`;
    return new Response("no", {
      status: 401,
      headers: {
        "www-authenticate": `Basic realm="x", Digest ${about}${old ? ", stale=true" : ""}`,
      },
    });
  });
  return Object.assign(server, { heard });
}

const DIGEST = { username: "ada", password: "secret", scheme: "digest" } as const;

Deno.test("a digest answers a challenge, keeps the nonce, and never sends the password", async () => {
  for (const algorithm of ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"]) {
    await using server = digesting({ algorithm });
    await using client = createClient({ auth: DIGEST });
    assertEquals(await client.get(`${server.url}a?b=1`).text(), "ok ");
    assertEquals(await client.post(server.url, { json: 7 }).text(), "ok 7");
    assertEquals(await client.extend({}).put(server.url, { body: "x" }).text(), "ok x");
    assertEquals(server.heard, ["none", "n1 00000001", "n1 00000002", "n1 00000003"]);
  }
});

Deno.test("a digest covers the body with auth-int, and works without qop", async () => {
  for (const qop of ['qop="auth-int"', 'qop="auth-int,auth"', "x=y"]) {
    await using server = digesting({ qop });
    await using client = createClient({ auth: DIGEST });
    assertEquals(await client.post(server.url, { body: "abc" }).text(), "ok abc");
  }
  await using server = digesting({ qop: 'qop="auth-int"' });
  await using client = createClient({ auth: DIGEST });
  const body = new Blob(["abc"]);
  assertEquals((await client.post(server.url, { body, raiseForStatus: false })).status, 401);
});

Deno.test("an old nonce is replaced, and wrong credentials are tried once", async () => {
  for (const stale of [true, false]) {
    await using server = digesting({ uses: 2, stale });
    await using client = createClient({ auth: DIGEST });
    for (let i = 0; i < 5; i++) assertEquals(await client.get(server.url).text(), "ok ");
    assertEquals(server.heard.length, 8);
  }
  await using server = digesting();
  await using wrong = createClient({ auth: { ...DIGEST, password: "wrong" } });
  const error = await assertRejects(() => wrong.get(server.url), HttpStatusError);
  assertEquals([error.status, server.heard.length, error.history.length], [401, 2, 1]);
  await using basic = serve(() =>
    new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } })
  );
  await assertRejects(() => wrong.get(basic.url), HttpStatusError);
  assertEquals(wrong.stats().active, 0);
});

Deno.test("a function sees a 401 and answers once, for a body that can be sent again", async () => {
  const heard: string[] = [];
  await using server = serve(async (request) => {
    heard.push(`${request.headers.get("authorization")} ${await request.text()}`);
    const right = request.headers.get("authorization") === "Bearer new";
    return new Response(right ? "ok" : "no", {
      status: right ? 200 : 401,
      headers: { "www-authenticate": 'Bearer error="invalid_token"' },
    });
  });
  const calls: (string | undefined)[] = [];
  let fresh = "new";
  await using client = createClient({
    auth: ({ refused, method }: HttpAuthRequest) => {
      calls.push(`${method} ${refused?.challenges[0]?.parameters.get("error")}`);
      return { bearer: refused === undefined ? "old" : fresh };
    },
  });
  const response = await client.post(server.url, { json: 7 });
  assertEquals([await response.text(), response.history.length], ["ok", 1]);
  assertEquals(heard.splice(0), ["Bearer old 7", "Bearer new 7"]);
  assertEquals(calls, ["POST undefined", "POST invalid_token"]);
  fresh = "bad";
  await assertRejects(() => client.get(server.url), HttpStatusError);
  assertEquals(heard.splice(0), ["Bearer old ", "Bearer bad "]);
  fresh = "new";
  const stream = () => new Blob(["once"]).stream();
  await assertRejects(() => client.post(server.url, { body: stream() }), HttpStatusError);
  assertEquals(heard.splice(0), ["Bearer old once"]);
  const own = { headers: { authorization: "Bearer mine" } };
  await assertRejects(() => client.get(server.url, own), HttpStatusError);
  assertEquals(heard.splice(0), ["Bearer mine "]);
  assertEquals(client.stats().active, 0);
});

Deno.test("a function may give no credentials, a digest, nonsense, or an error", async () => {
  await using server = digesting();
  await using client = createClient({
    auth: ({ refused }) => refused === undefined ? null : DIGEST,
  });
  assertEquals(await client.get(server.url).text(), "ok ");
  const none = client.extend({ auth: () => undefined });
  await assertRejects(() => none.get(server.url), HttpStatusError);
  const reason = new Error("no token");
  const failing = client.extend({ auth: () => Promise.reject(reason) });
  assertEquals(await assertRejects(() => failing.get(server.url)), reason);
  const bad = client.extend({ auth: () => ({ token: "x" }) as never });
  await assertRejects(() => bad.get(server.url), TypeError, 'no option "The result of auth.token"');
  assertThrows(() => createClient({ auth: { ...DIGEST, scheme: "ntlm" as never } }), TypeError);
  assertEquals(client.stats().active, 0);
});

Deno.test("credentials do not follow a redirect to another origin", async () => {
  await using other = digesting();
  await using server = serve(() => Response.redirect(other.url));
  await using client = createClient({ auth: () => DIGEST });
  await assertRejects(() => client.get(server.url), HttpStatusError);
  assertEquals(other.heard, ["none"]);
});

Deno.test(
  "curl and the client give the same server the digest that it wants",
  needs("curl"),
  async () => {
    for (const algorithm of ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"]) {
      await using server = digesting({ algorithm });
      const args = ["-s", "--digest", "-u", "ada:secret", "-d", "7", `${server.url}a?b=1`];
      assertEquals((await runPeer("curl", args)).stdout, "ok 7");
      await using client = createClient({ auth: DIGEST });
      assertEquals(await client.post(`${server.url}a?b=1`, { body: "7" }).text(), "ok 7");
    }
  },
);
