// Large bodies by Node's http: /bytes and /stream give 16 MiB, / takes a body.
import { createServer } from "node:http";
import { Readable } from "node:stream";

const SIZE = 16 * 1024 * 1024;
const PIECE = 64 * 1024;
const bytes = Buffer.alloc(SIZE);

function* pieces() {
  for (let left = SIZE; left > 0; left -= PIECE) yield Buffer.alloc(PIECE);
}

const server = createServer((request, response) => {
  if (request.url === "/bytes") return response.end(bytes);
  if (request.url === "/stream") return Readable.from(pieces()).pipe(response);
  let size = 0;
  request.on("data", (chunk) => size += chunk.length);
  request.on("end", () => response.end(JSON.stringify({ size })));
});
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
