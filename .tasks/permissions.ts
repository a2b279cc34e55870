/**
 * Writes PERMISSIONS.md: what each program and each subpath of the package may do.
 *
 * ```sh
 * deno task permissions
 * ```
 *
 * The programs' permissions are those of `deno.json`, the others those of the module documentation.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { formatted } from "./format.ts";
import { PROGRAMS } from "./compile.ts";

/** Returns the text of PERMISSIONS.md, as `deno fmt` writes it. */
export async function permissionsPage(): Promise<string> {
  const sets: Readonly<Record<string, Readonly<Record<string, unknown>>>> = config.permissions;
  const programs = Object.entries(sets).map(([name, set]) => {
    const file = PROGRAMS.get(name);
    const task = file === undefined ? `\`-P=${name}\`` : `\`deno task ${name}\``;
    return [task, file === undefined ? "" : `\`${file}\``, flagsOf(set)];
  });
  const modules = await Promise.all(
    Object.entries(config.exports).filter(([, file]) => !file.startsWith("./examples/"))
      .map(async ([subpath, file]) => {
        const name = subpath === "." ? "@portside/kit" : `@portside/kit/${subpath.slice(2)}`;
        return [`\`${name}\``, declaredIn(await Deno.readTextFile(file))];
      }),
  );
  return await formatted(`# Permissions

\`deno task permissions\` writes this page from \`deno.json\` and from the documentation of the modules. A
test fails if it is out of date.

## Programs

A task gives its program these permissions and no others. \`tests/examples/contract_test.ts\` lets each
program do its work with the audit log of Deno: everything that is used is declared, and everything that
is declared is used. Without one of its permissions, a program ends with exit code 3 and names the flag.

${table(["Task", "Program", "Permissions"], programs)}

To use other addresses or files, run the file with flags of your own: \`deno run --allow-net=0.0.0.0:8000
examples/tcp_server.ts\`.

## Modules

${table(["Import", "Needs"], modules)}
`);
}

/** Returns a permission set as flags. */
function flagsOf(set: Readonly<Record<string, unknown>>): string {
  const flags = Object.entries(set).map(([name, value]) =>
    Array.isArray(value) ? `\`--allow-${name}=${value.join(",")}\`` : `\`--allow-${name}\``
  );
  return flags.join(" ");
}

/** Returns what the documentation of a module says about permissions. */
function declaredIn(code: string): string {
  const [, text = ""] = /\*\*Permissions\*\*: ([\s\S]*?)\n \*\s*\n/.exec(code) ?? [];
  const [sentence] = text.replaceAll(/\n \*\s*/g, " ").split(/\. (?:Source|The \w+ protocol)\b/);
  return sentence!.replace(/\.$/, "").replaceAll(/\{@link(?:code)? ([^}]+)\}/g, "\`$1\`")
    .replaceAll("|", "\\|");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

if (import.meta.main) await Deno.writeTextFile("PERMISSIONS.md", await permissionsPage());
