import { assertEquals, assertThrows } from "@std/assert";
import { localNameOf, nameOf } from "../../../examples/ftp/names.ts";
import { CliError } from "../../../tools/cli.ts";

Deno.test("nameOf() returns the last part of a path, which must be a name", () => {
  assertEquals(["a", "/x/a", "C:\\x\\a.txt"].map(nameOf), ["a", "a", "a.txt"]);
  for (const path of ["", "/", "x/", "..", "/x/."]) {
    assertThrows(() => nameOf(path), CliError, `Missing argument: a name for ${path}`);
  }
});

Deno.test("localNameOf() maps names, or rejects those that this system cannot store", () => {
  assertEquals(localNameOf("/x/a.txt", false), "a.txt");
  for (const [name, mapped] of [["CON", "%43ON"], ["a:b", "a%3Ab"], ["end.", "end%2E"]] as const) {
    assertEquals(localNameOf(`/x/${name}`, true), mapped);
    if (Deno.build.os !== "windows") {
      assertEquals(localNameOf(`/x/${name}`, false), name);
      continue;
    }
    const error = assertThrows(() => localNameOf(`/x/${name}`, false), CliError);
    assertEquals(error.message.endsWith(`: give ${name} another local name, or --map-names`), true);
  }
});
