import { assertEquals } from "@std/assert";
import { namesOf } from "../../../http/internal/path_names.ts";

Deno.test("serveStatic() on Windows: no name means a drive, a stream, a device or another file", () => {
  const refused = [
    ...[
      "/c:/windows",
      "/..%5csecret",
      "/a%5Cb",
      "/page.html::$DATA",
      "/page.html.",
      "/page.html%20",
    ],
    ...[
      "/con",
      "/CON.txt",
      "/aux%20.x",
      "/conin$",
      "/COM1",
      "/com%c2%b9.log",
      "/sub/lpt9.txt",
      "/a*",
    ],
  ];
  for (const path of refused) assertEquals(namesOf(path, true, "windows"), undefined, path);
  for (const path of ["/page.html", "/console.js", "/com", "/sub/communication.txt", "/a%20b"]) {
    assertEquals(namesOf(path, true, "windows"), namesOf(path, true, "linux"), path);
  }
  assertEquals(namesOf("/con/c:d/x.", true, "linux"), ["con", "c:d", "x."]);
});
