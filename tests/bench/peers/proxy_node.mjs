// A proxy as it is written with node:http, for Node and for Deno.
import { Agent, createServer, request } from "node:http";
import { connect } from "node:net";

const agent = new Agent({ keepAlive: true });
const server = createServer((incoming, answer) => {
  const { hostname, port, pathname, search } = new URL(incoming.url);
  const { method, headers } = incoming;
  const options = {
    host: hostname,
    port: port || 80,
    path: pathname + search,
    method,
    headers,
    agent,
  };
  const outgoing = request(options, (response) => {
    answer.writeHead(response.statusCode, response.headers);
    response.pipe(answer);
  });
  outgoing.on("error", () => answer.destroy());
  incoming.pipe(outgoing);
});
server.on("connect", (incoming, near, head) => {
  const [host, port] = incoming.url.split(":");
  const far = connect(Number(port), host, () => {
    near.write("HTTP/1.1 200 Connection established\r\n\r\n");
    far.write(head);
    far.pipe(near).pipe(far);
  });
  far.on("error", () => near.destroy());
  near.on("error", () => far.destroy());
});
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
