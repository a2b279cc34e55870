/** Shuts a server down whose socket file has been replaced. Prints the new file. @module */

import { serveUnix } from "../../../net/unix/server.ts";

const path = Deno.args[0]!;
const server = await serveUnix({ path }, () => {});
await Deno.remove(path);
await Deno.writeTextFile(path, "somebody else's");
await server.shutdown();
console.log(await Deno.readTextFile(path));
