import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import type { SaslCredentials, SaslName } from "../../../net/mail/options.ts";
import { startSasl } from "../../../net/mail/sasl.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const bytes = (value: string) => new TextEncoder().encode(value);
const ANN: SaslCredentials = { username: "ann", password: "secret" };
const ENCRYPTED = { encrypted: true };

Deno.test("the best mechanism is taken, or the one that is asked for", () => {
  const name = (offered: string[], choice = {}) =>
    startSasl(offered, ANN, { ...ENCRYPTED, ...choice }).name;
  assertEquals(name(["LOGIN", "PLAIN", "SCRAM-SHA-256", "CRAM-MD5"]), "SCRAM-SHA-256");
  assertEquals(name(["login", "plain"]), "PLAIN");
  assertEquals(name(["LOGIN"]), "LOGIN");
  assertEquals(name(["LOGIN", "PLAIN"], { mechanism: "LOGIN" }), "LOGIN");
  assertEquals(name(["CRAM-MD5", "LOGIN"]), "LOGIN");
  assertEquals(name(["PLAIN"], { encrypted: false, allowPlaintext: true }), "PLAIN");
  assertEquals(name(["PLAIN", "CRAM-MD5"], { encrypted: false, allowPlaintext: true }), "CRAM-MD5");
  assertEquals(name(["PLAIN", "SCRAM-SHA-256"], { encrypted: false }), "SCRAM-SHA-256");
  const kind = (offered: string[], choice = {}) =>
    assertThrows(() => name(offered, choice), NetError).kind;
  assertEquals(kind(["PLAIN"], { encrypted: false }), "usage");
  assertEquals(kind(["CRAM-MD5"], { encrypted: false }), "usage");
  assertEquals(kind(["NTLM", "OAUTHBEARER", "EXTERNAL", "APOP", "USER"]), "unsupported");
  assertEquals(kind(["PLA\u0131N", "LOG\u0131N"]), "unsupported");
  assertEquals(kind(["PLAIN"], { mechanism: "SCRAM-SHA-256" }), "unsupported");
});

Deno.test("PLAIN, LOGIN and XOAUTH2 send what their specifications say", async () => {
  const plain = startSasl(["PLAIN"], { ...ANN, authorizationId: "bob" }, ENCRYPTED);
  assertEquals(text(plain.initial), "bob\0ann\0secret");
  await assertRejects(() => plain.next(bytes("")), NetError, "that the mechanism does not have");
  const login = startSasl(["LOGIN"], ANN, ENCRYPTED);
  assertEquals(login.initial, undefined);
  assertEquals(text(await login.next(bytes("Username:"))), "ann");
  assertEquals(text(await login.next(bytes("Password:"))), "secret");
  login.finish();
  const oauth = startSasl(["XOAUTH2"], { username: "ann", accessToken: "token" }, ENCRYPTED);
  assertEquals(text(oauth.initial), "user=ann\x01auth=Bearer token\x01\x01");
  assertEquals(text(await oauth.next(bytes('{"status":"401"}'))), "");
});

Deno.test("CRAM-MD5, OAUTHBEARER and EXTERNAL send what their specifications say", async () => {
  const tim = { username: "tim", password: "tanstaaftanstaaf" };
  const cram = startSasl(["CRAM-MD5"], tim, ENCRYPTED);
  assertEquals(cram.initial, undefined);
  assertEquals(
    text(await cram.next(bytes("<1896.697170952@postoffice.reston.mci.net>"))),
    "tim b913a602c7eda7a495b4e6e7334d3890",
  );
  const token = { username: "a,b@c=d", accessToken: "token" };
  const bearer = startSasl(["xoauth2", "oauthbearer"], token, ENCRYPTED);
  assertEquals(text(bearer.initial), "n,a=a=2Cb@c=3Dd,\x01auth=Bearer token\x01\x01");
  assertEquals(text(await bearer.next(bytes('{"status":"401"}'))), "\x01");
  const other = { ...token, authorizationId: "bob" };
  assertEquals(
    text(startSasl(["OAUTHBEARER"], other, ENCRYPTED).initial),
    "n,a=bob,\x01auth=Bearer token\x01\x01",
  );
  const external = (credentials: SaslCredentials) =>
    text(startSasl(["EXTERNAL"], credentials, { ...ENCRYPTED, mechanism: "EXTERNAL" }).initial);
  assertEquals(external({}), "");
  assertEquals(external({ username: "ann" }), "ann");
  assertEquals(external({ username: "ann", authorizationId: "bob" }), "bob");
});

Deno.test("SCRAM-SHA-1 is that of RFC 5802", async () => {
  const scram = startSasl(["SCRAM-SHA-1"], { username: "user", password: "pencil" }, {
    encrypted: false,
    nonce: "fyko+d2lbbFgONRv9qkxdawL",
  });
  const server = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
  assertEquals(text(scram.initial), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
  assertEquals(scram.cancellable, true);
  assertEquals(
    text(await scram.next(bytes(server))),
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
  );
  assertEquals(scram.cancellable, false);
  assertEquals(text(await scram.next(bytes("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="))), "");
  scram.finish();
});

Deno.test("credentials are checked before a mechanism begins", () => {
  const refused = (credentials: SaslCredentials, mechanism?: SaslName) =>
    assertThrows(() => {
      startSasl(["PLAIN", "LOGIN", "XOAUTH2", "EXTERNAL"], credentials, {
        ...ENCRYPTED,
        ...(mechanism && { mechanism }),
      });
    }, TypeError).message;
  const token = { username: "ann", accessToken: "t" };
  assertEquals(
    refused({ username: "ann" }),
    'username requires password or accessToken, or mechanism "EXTERNAL"',
  );
  assertEquals(refused({ username: "ann", password: "" }), "password must not be empty");
  assertEquals(refused({ password: "x" }), "password requires username");
  assertEquals(refused({ accessToken: "x" }), "accessToken requires username");
  assertEquals(
    refused(ANN, "XOAUTH2"),
    'mechanism "XOAUTH2" requires accessToken: the login offers password, not accessToken',
  );
  assertEquals(
    refused(token, "PLAIN"),
    'mechanism "PLAIN" requires password: the login offers accessToken, not password',
  );
  assertEquals(refused(ANN, "EXTERNAL"), 'mechanism "EXTERNAL" does not use password');
  assertEquals(
    refused({ ...ANN, authorizationId: "bob" }, "LOGIN"),
    'mechanism "LOGIN" cannot carry authorizationId',
  );
  assertEquals(
    startSasl(["PLAIN"], { ...ANN, accessToken: "t" }, {
      ...ENCRYPTED,
      mechanism: "PLAIN",
    }).name,
    "PLAIN",
  );
});

Deno.test("a name to act as is sent, or nothing is", () => {
  const name = (offered: string[], credentials: SaslCredentials) =>
    startSasl(offered, { ...credentials, authorizationId: "bob" }, ENCRYPTED).name;
  assertEquals(name(["LOGIN", "CRAM-MD5", "PLAIN"], ANN), "PLAIN");
  // This is the user who logs in anyway.
  const bob = { username: "bob", password: "x" };
  assertEquals(name(["LOGIN"], bob), "LOGIN");
  const token = { username: "ann", accessToken: "t" };
  assertEquals(name(["XOAUTH2", "OAUTHBEARER"], token), "OAUTHBEARER");
  const error = assertThrows(() => name(["LOGIN", "CRAM-MD5"], ANN), NetError);
  assertEquals(error.kind, "unsupported");
  assertEquals(
    error.message,
    "Cannot log in: LOGIN and CRAM-MD5 cannot carry authorizationId, " +
      "nor does the server offer another mechanism that can",
  );
  assertThrows(() => name(["XOAUTH2"], token), NetError, "XOAUTH2 cannot carry authorizationId");
});

/** The exchange of RFC 7677, section 3. */
const NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
  "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const start = () =>
  startSasl(["SCRAM-SHA-256"], { username: "user", password: "pencil" }, {
    encrypted: false,
    nonce: NONCE,
  });

Deno.test("SCRAM-SHA-256 is that of RFC 7677", async () => {
  const scram = start();
  assertEquals(text(scram.initial), `n,,n=user,r=${NONCE}`);
  assertEquals(
    text(await scram.next(bytes(SERVER))),
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  );
  assertThrows(() => scram.finish(), NetError, "not proved");
  const proof = bytes("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  assertEquals(text(await scram.next(proof)), "");
  scram.finish();
  await assertRejects(() => scram.next(proof), NetError, "that the mechanism does not have");
});

Deno.test("SCRAM refuses a server that does not know the password, or wants too much", async () => {
  const wrong = [
    "v=AAAA",
    "v=",
    "e=invalid-proof",
    "",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=",
  ];
  for (const last of wrong) {
    const scram = start();
    await scram.next(bytes(SERVER));
    const error = await assertRejects(() => scram.next(bytes(last)), NetError);
    assertEquals(error.kind, "protocol");
  }
  const challenges = [
    "",
    `r=${NONCE},s=AAAA,i=4096`,
    "r=other,s=AAAA,i=4096",
    `\ufeffr=${NONCE}x,s=AAAA,i=4096`,
    `r=${NONCE}x,s=AAAA,i=1`,
    `r=${NONCE}x,s=AAAA,i=4294967295`,
    `r=${NONCE}x,s=!,i=4096`,
    `m=x,r=${NONCE}x,s=AAAA,i=4096`,
  ];
  for (const challenge of challenges) {
    const error = await assertRejects(
      () => start().next(bytes(challenge)),
      NetError,
      undefined,
      challenge,
    );
    assertEquals(error.kind, "protocol");
  }
});

Deno.test("names are escaped for SCRAM, NUL is refused, and a nonce is by chance", () => {
  const odd = startSasl(["SCRAM-SHA-256"], { username: "a,b=c", password: "x" }, {
    encrypted: false,
    nonce: "n",
  });
  assertEquals(text(odd.initial), "n,,n=a=2Cb=3Dc,r=n");
  const scram = (user: string, password: string) =>
    startSasl(["SCRAM-SHA-256"], { user, password }, { encrypted: false, nonce: "n" });
  assertEquals(text(scram("\u2168\u00ADa\u00A0b", "x").initial), "n,,n=IXa b,r=n");
  assertThrows(() => scram("\u00AD", "x"), TypeError, "empty");
  assertThrows(() => scram("ann", "\u06271"), TypeError, "directions");
  assertThrows(
    () => startSasl(["PLAIN"], { username: "a\0b", password: "x" }, ENCRYPTED),
    TypeError,
  );
  assertThrows(() => startSasl(["PLAIN"], { username: "a", password: "\0" }, ENCRYPTED), TypeError);
  const initial = () => text(startSasl(["SCRAM-SHA-256"], ANN, ENCRYPTED).initial);
  assertEquals(initial() === initial(), false);
});
