import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetError } from "../../../net/errors/errors.ts";
import type { SaslCredentials } from "../../../net/mail/options.ts";
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
  assertEquals(name(["PLAIN"], { encrypted: false, allowPlaintext: true }), "PLAIN");
  assertEquals(name(["PLAIN", "SCRAM-SHA-256"], { encrypted: false }), "SCRAM-SHA-256");
  const kind = (offered: string[], choice = {}) =>
    assertThrows(() => name(offered, choice), NetError).kind;
  assertEquals(kind(["PLAIN"], { encrypted: false }), "usage");
  assertEquals(kind(["CRAM-MD5"]), "unsupported");
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
