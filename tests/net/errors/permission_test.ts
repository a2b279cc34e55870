import { assert, assertEquals } from "@std/assert";
import { toNetError } from "../../../net/errors/errors.ts";
import { needs } from "../../_support/peers.ts";
import { LOOPBACK, thrown } from "../../_support/errors.ts";
import { CONFIG } from "../../_support/flags.ts";

const PERMISSIONS: Array<{
  what: string;
  permissions: Deno.PermissionOptions;
  use: () => unknown;
  flag: string;
}> = [
  {
    what: "an IPv4 address",
    permissions: { net: false },
    use: () => Deno.connect({ hostname: LOOPBACK, port: 9000 }),
    flag: "--allow-net=127.0.0.1:9000",
  },
  {
    what: "an IPv6 address",
    permissions: { net: false },
    use: () => Deno.connect({ hostname: "::1", port: 9000 }),
    flag: "--allow-net=[::1]:9000",
  },
  {
    what: "a host that is not the permitted one",
    permissions: { net: ["127.0.0.1"] },
    use: () => Deno.connect({ hostname: "localhost", port: 9000 }),
    flag: "--allow-net=localhost:9000",
  },
  {
    what: "listening",
    permissions: { net: ["127.0.0.1:1"] },
    use: () => Deno.listen({ hostname: LOOPBACK, port: 9000 }),
    flag: "--allow-net=127.0.0.1:9000",
  },
  {
    what: "a WebSocket",
    permissions: { net: false },
    use: () => new WebSocket("ws://127.0.0.1:9000/"),
    flag: "--allow-net=127.0.0.1:9000",
  },
  {
    what: "fetch",
    permissions: { net: false },
    use: () => fetch("http://127.0.0.1:9000/"),
    flag: "--allow-net=127.0.0.1:9000",
  },
  {
    what: "reading a file",
    permissions: { read: false },
    use: () => Deno.readTextFile("/etc/hosts"),
    flag: "--allow-read=/etc/hosts",
  },
  {
    what: "a path that a shell would take apart",
    permissions: { read: false },
    use: () => Deno.readTextFile("/tmp/it's mine; $(id)"),
    flag: `'--allow-read=/tmp/it'\\''s mine; $(id)'`,
  },
  {
    what: "a path longer than a message may be",
    permissions: { read: false },
    use: () => Deno.readTextFile(`/tmp/${"long/".repeat(200)}end`),
    flag: `--allow-read=/tmp/${"long/".repeat(200)}end`,
  },
  {
    // A comma divides the paths of the flag, and there is no escape: the folder has to do.
    what: "a path with a comma",
    permissions: { read: false },
    use: () => Deno.readTextFile("/tmp/a,b/c,d"),
    flag: "--allow-read=/tmp",
  },
  {
    what: "a path with a comma right at its beginning",
    permissions: { read: false },
    use: () => Deno.readTextFile("/a,b"),
    flag: "--allow-read",
  },
  {
    what: "a Unix socket",
    permissions: { read: false, write: false },
    use: () => Deno.listen({ transport: "unix", path: "/tmp/portside.sock" }),
    flag: "--allow-read=/tmp/portside.sock",
  },
  {
    what: "running a program",
    permissions: { run: false },
    use: () => new Deno.Command("sh").output(),
    flag: "--allow-run=sh",
  },
  {
    // To name the program is not enough for such a variable.
    what: "a variable that changes what a program loads",
    permissions: { run: ["sh"] },
    use: () => new Deno.Command("sh", { env: { LD_PRELOAD: "/x" } }).output(),
    flag: "--allow-run",
  },
  {
    what: "a variable of the environment",
    permissions: { env: false },
    use: () => Deno.env.get("HOME"),
    flag: "--allow-env=HOME",
  },
  {
    what: "the whole environment",
    permissions: { env: false },
    use: () => Deno.env.toObject(),
    flag: "--allow-env",
  },
  {
    what: "the network interfaces",
    permissions: { sys: false },
    use: () => Deno.networkInterfaces(),
    flag: "--allow-sys=networkInterfaces",
  },
];

for (const { what, permissions, use, flag } of PERMISSIONS) {
  Deno.test({
    name: `permission: ${what} gives the exact flag`,
    permissions,
    async fn() {
      const cause = await thrown((async () => await use())());
      const error = toNetError(cause);
      assertEquals([error.kind, error.permission], ["permission", flag]);
      assertEquals(error.message, `Permission is missing, run again with ${flag}`);
      assertEquals(
        toNetError(cause, { phase: "listen", address: "127.0.0.1:9000" }).message,
        `Cannot listen on 127.0.0.1:9000: permission is missing, run again with ${flag}`,
      );
      assertEquals(error.retryable, false);
    },
  });
}

Deno.test("permission: an import throws a TypeError that says the same", () => {
  // Written out: the permissions of a single test leave imports alone.
  const cause = Object.assign(
    new TypeError(
      'Requires import access to "127.0.0.1:9000", run again with the --allow-import flag',
    ),
    { code: "ERR_MODULE_NOT_FOUND" },
  );
  const error = toNetError(cause);
  assertEquals([error.kind, error.permission], ["permission", "--allow-import=127.0.0.1:9000"]);
  assertEquals(toNetError(new TypeError("Requires access to a car")).kind, "usage");
});

Deno.test("permission: what the operating system forbids names no flag", () => {
  const cause = new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  const error = toNetError(cause, { phase: "listen", hostname: LOOPBACK, port: 80 });
  assertEquals([error.kind, error.permission], ["permission", undefined]);
  assertEquals(
    error.message,
    "Cannot listen on 127.0.0.1:80: the system does not allow it (Permission denied)",
  );
});

const MODULE = new URL("../../../net/errors/errors.ts", import.meta.url).href;

/** Reads a file, and prints the flag for what it may not. */
const READER = `
  import { toNetError } from "${MODULE}";
  try {
    console.log(await Deno.readTextFile(FILE));
  } catch (error) {
    console.log(toNetError(error).permission);
  }`;

const sh = needs("sh");
for (const name of ["plain", "it's mine; $(id)", "a,b/c", `"quoted" *`]) {
  Deno.test({
    name: `permission: a shell takes the flag for ${name} and Deno allows it${sh.suffix}`,
    ignore: sh.ignore || Deno.build.os === "windows",
    async fn() {
      const dir = await Deno.makeTempDir();
      try {
        const file = `${dir}/${name}`;
        await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
        await Deno.writeTextFile(file, "it was read");
        const script = READER.replace("FILE", () => JSON.stringify(file));
        await Deno.writeTextFile(`${dir}/script.ts`, script);
        const run = async (flag: string) => {
          const command = `exec "$DENO" run -q --no-check --no-prompt ${CONFIG.join(" ")} ` +
            `${flag} "$DIR/script.ts"`;
          const env = { DENO: Deno.execPath(), DIR: dir };
          const { stdout } = await new Deno.Command("sh", { args: ["-c", command], env }).output();
          return new TextDecoder().decode(stdout).trim();
        };
        const flag = await run("");
        assert(flag.includes("--allow-read="), flag);
        assertEquals(await run(flag), "it was read");
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}
