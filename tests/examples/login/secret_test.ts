import { assertEquals, assertRejects } from "@std/assert";
import { credentials } from "../../../examples/http/arguments.ts";
import { readSecret, readSecrets, secretOf } from "../../../examples/login/secret.ts";
import { loginOptions } from "../../../examples/mail/flags.ts";
import { readPassword } from "../../../examples/mail/password.ts";
import { withSecrets } from "../../../examples/proxy/arguments.ts";
import { CliError, recordingIo } from "../../../tools/cli.ts";
import { temporaryFolder } from "../../_support/repository.ts";
import { runRunnable } from "../../_support/runnable.ts";

const VARIABLES = [
  "TEST",
  "USER",
  "BEARER",
  "PASSWORD",
  "TOKEN",
  "AUTH",
  "UPSTREAM",
  "BUS_PASSWORD",
]
  .map((name) => `PORTSIDE_${name}`);
const permissions: Deno.PermissionOptions = {
  read: true,
  write: true,
  env: [...VARIABLES, "TMPDIR"],
};

/** The secrets of each program: the flag without `-file`, and the variable. */
const SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  chat: { "bus-password": "PORTSIDE_BUS_PASSWORD" },
  ftp_client: { password: "PORTSIDE_PASSWORD" },
  http_client: { user: "PORTSIDE_USER", bearer: "PORTSIDE_BEARER" },
  proxy: { auth: "PORTSIDE_AUTH", upstream: "PORTSIDE_UPSTREAM" },
  read_mail: { password: "PORTSIDE_PASSWORD", token: "PORTSIDE_TOKEN" },
  send_mail: { password: "PORTSIDE_PASSWORD", token: "PORTSIDE_TOKEN" },
};

/** Writes a file and returns its path. */
async function fileWith(folder: string, text: string): Promise<string> {
  const path = `${folder}/${crypto.randomUUID()}`;
  await Deno.writeTextFile(path, text);
  return path;
}

/** Sets variables until the end of the block. */
function environment(values: Readonly<Record<string, string>>): Disposable {
  for (const [name, value] of Object.entries(values)) Deno.env.set(name, value);
  return {
    [Symbol.dispose]: () => Object.keys(values).forEach((name) => Deno.env.delete(name)),
  };
}

Deno.test(
  "readSecret() returns the first line, readSecrets() each of them",
  { permissions },
  async () => {
    await using folder = await temporaryFolder();
    for (const end of ["", "\n", "\r\n", "\nmore\n"]) {
      assertEquals(await readSecret(await fileWith(folder.path, `a b${end}`)), "a b");
    }
    assertEquals(await readSecret(await fileWith(folder.path, "")), "");
    assertEquals(await readSecrets(await fileWith(folder.path, "a\r\n\nb\n")), ["a", "", "b"]);
  },
);

Deno.test(
  "secretOf() prefers the flag, then the file, then the variable",
  { permissions },
  async () => {
    await using folder = await temporaryFolder();
    using _ = environment({ PORTSIDE_TEST: "variable" });
    const file = await fileWith(folder.path, "file\n");
    const variable = "PORTSIDE_TEST";
    assertEquals(await secretOf({ flag: "user", value: "flag", variable }), "flag");
    assertEquals(await secretOf({ flag: "user", file, variable }), "file");
    assertEquals(await secretOf({ variable }), "variable");
    assertEquals(await secretOf({ variable: "PORTSIDE_USER" }), undefined);
    await assertRejects(
      () => secretOf({ flag: "user", value: "flag", file, variable }),
      CliError,
      "--user and --user-file exclude each other",
    );
  },
);

Deno.test("secretOf() asks for no permission", { permissions: { env: false } }, async () => {
  assertEquals(await secretOf({ variable: "PORTSIDE_TEST" }), undefined);
});

Deno.test(
  "the HTTP client takes a login or a token from a file or a variable",
  { permissions },
  async () => {
    await using folder = await temporaryFolder();
    using _ = environment({ PORTSIDE_USER: "eve:variable", PORTSIDE_BEARER: "variable" });
    const none = { user: undefined, userFile: undefined, bearer: undefined, bearerFile: undefined };
    const userFile = await fileWith(folder.path, "ann:a:b\n");
    const bearerFile = await fileWith(folder.path, "token\n");
    const ann = { username: "ann", password: "a:b" };
    assertEquals(await credentials({ ...none, userFile, digest: true }), {
      ...ann,
      scheme: "digest",
    });
    assertEquals(await credentials({ ...none, bearerFile, digest: false }), { bearer: "token" });
    await assertRejects(
      () => credentials({ ...none, userFile, bearerFile, digest: false }),
      CliError,
    );
    Deno.env.delete("PORTSIDE_BEARER");
    const eve = { username: "eve", password: "variable", scheme: "basic" } as const;
    assertEquals(await credentials({ ...none, digest: false }), eve);
  },
);

Deno.test("the proxy takes logins and next proxies from files", { permissions }, async () => {
  await using folder = await temporaryFolder();
  const authFile = await fileWith(folder.path, "ann:1\nbob:2\n");
  const upstreamFile = await fileWith(folder.path, "socks5://ann:1@127.0.0.1:1080\n");
  const given = { auth: ["eve:3"], upstream: ["a.test=direct"], authFile, upstreamFile };
  const { auth, upstream } = await withSecrets(given as never);
  assertEquals(auth, ["eve:3", "ann:1", "bob:2"]);
  assertEquals(upstream, ["a.test=direct", "socks5://ann:1@127.0.0.1:1080"]);
});

Deno.test("the proxy takes a login and a next proxy from variables", { permissions }, async () => {
  using _ = environment({ PORTSIDE_AUTH: "eve:3", PORTSIDE_UPSTREAM: "http://127.0.0.1:3128" });
  const { auth, upstream } = await withSecrets({ auth: [], upstream: [] } as never);
  assertEquals([auth, upstream], [["eve:3"], ["http://127.0.0.1:3128"]]);
  const flags = { auth: ["ann:1"], upstream: ["a.test=direct"] };
  assertEquals(await withSecrets(flags as never), flags as never);
});

Deno.test(
  "mail takes a token from a variable, unless a flag says how to log in",
  { permissions },
  async () => {
    using _ = environment({ PORTSIDE_TOKEN: "token", PORTSIDE_PASSWORD: "password" });
    await using folder = await temporaryFolder();
    const passwordFile = await fileWith(folder.path, "file\n");
    const login = async (values: Record<string, unknown>) => {
      const flags = { server: "127.0.0.1", tls: "implicit", ca: [], pin: [], ...values };
      const ctx = { io: undefined, signal: new AbortController().signal };
      const { username, password, accessToken } = await loginOptions(
        flags as never,
        [],
        ctx as never,
      );
      return { username, password, accessToken };
    };
    const token = { username: "ann", password: undefined, accessToken: "token" };
    assertEquals(await login({ user: "ann" }), token);
    assertEquals(await login({ user: "ann", mechanism: "xoauth2" }), token);
    const none = { username: undefined, password: undefined, accessToken: undefined };
    assertEquals(await login({}), none);
    const ann = { username: "ann", password: "password", accessToken: undefined };
    assertEquals(await login({ user: "ann", mechanism: "PLAIN" }), ann);
    assertEquals(await login({ user: "ann", passwordFile }), { ...ann, password: "file" });
  },
);

Deno.test("every secret of a program can come from a file and from a variable, and --help says so", async () => {
  for (const [name, secrets] of Object.entries(SECRETS)) {
    const io = recordingIo();
    const { main } = await import(`../../../examples/${name}.ts`);
    assertEquals(await main(["--help"], io), 0);
    const files = io.out.match(/^ +--[\w-]+-file <.*(?:\n {20,}\S.*)*/gm) ?? [];
    const found = files.filter((text) => /password|token|login|prox/.test(text)).map((text) => {
      const flag = /--([\w-]+)-file/.exec(text)![1]!;
      return [flag, /variable\s+(PORTSIDE_\w+)/.exec(text)?.[1]];
    });
    assertEquals(Object.fromEntries(found), secrets, name);
    const permission = `--allow-env=${Object.values(secrets).join(",")}`;
    assertEquals(io.out.includes(permission), true, `${name}: ${permission}`);
  }
});

Deno.test("mail and FTP take a password from a variable", { permissions }, async () => {
  using _ = environment({ PORTSIDE_PASSWORD: "variable" });
  const ctx = { io: undefined as never, signal: new AbortController().signal };
  assertEquals(await readPassword("ann", undefined, ctx), "variable");
  assertEquals(await readPassword(undefined, undefined, ctx), undefined);
});

Deno.test("without the permission for a file of secrets, the flag is named", async () => {
  for (
    const [program, args] of [
      ["http-client", ["http://127.0.0.1:9/", "--bearer-file", "secret.txt"]],
      ["proxy", ["--port", "0", "--auth-file", "secret.txt"]],
    ] as const
  ) {
    const { code, stderr } = await runRunnable(program, [...args], {
      permissions: ["--allow-net"],
    });
    assertEquals([code, stderr.includes("--allow-read=secret.txt")], [3, true], stderr);
  }
});
