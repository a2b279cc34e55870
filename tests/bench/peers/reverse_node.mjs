/** The shortest reverse proxy on node:http with kept connections, for the benchmark. */

import { Agent, createServer, request } from "node:http";

const { hostname, port } = new URL(process.argv[2]);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const server = createServer((asked, answer) => {
  const headers = { ...asked.headers, "x-forwarded-for": asked.socket.remoteAddress };
  delete headers.connection;
  const { method, url: path } = asked;
  const sent = request({ agent, hostname, port, method, path, headers }, (got) => {
    answer.writeHead(got.statusCode, got.headers);
    got.pipe(answer);
  });
  sent.on("error", () => answer.destroy());
  asked.pipe(sent);
});
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
