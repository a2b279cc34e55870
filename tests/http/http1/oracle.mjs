// Runs the parser of Node: reads a list of texts (one character per byte) from standard input, and
// writes a list of results to standard output. The first argument is the kind of the messages.
import { createServer, request } from "node:http";
import { Duplex } from "node:stream";

const requests = process.argv[2] === "request";
const bytes = (text) => Buffer.from(text, "latin1");

/** A connection that brings a text, and then ends. */
function connection(text, more = {}) {
  return new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
    ...more,
    construct(done) {
      if (more.late !== true) this.push(bytes(text));
      if (more.late !== true) this.push(null);
      done();
    },
  });
}

/** Reads one request: method, target, lines, body; null if it is refused. */
function decodeRequest(text) {
  return new Promise((resolve) => {
    const server = createServer({ insecureHTTPParser: false, requireHostHeader: true });
    const done = (value) => {
      socket.destroy();
      resolve(value);
    };
    server.on("request", (message, response) => {
      const parts = [];
      message.on("data", (part) => parts.push(part));
      message.on("error", () => done(null));
      message.on("aborted", () => done(null));
      message.on("end", () => {
        response.end();
        const { method, url, rawHeaders } = message;
        done({
          first: `${method} ${url}`,
          lines: rawHeaders,
          body: Buffer.concat(parts).toString("latin1"),
        });
      });
    });
    // These are events of their own in Node.
    server.on("checkContinue", (message, response) => server.emit("request", message, response));
    server.on("checkExpectation", (message, response) => server.emit("request", message, response));
    server.on("connect", () => done({ connect: true }));
    server.on("clientError", () => done(null));
    const socket = connection(text);
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(() => resolve(null), 50));
    socket.on("end", () => setTimeout(() => done(null), 50));
    server.emit("connection", socket);
  });
}

/** Reads one response to GET. */
function decodeResponse(text) {
  return new Promise((resolve) => {
    let socket;
    const client = request({
      createConnection: () => {
        socket = connection(text, { late: true });
        setTimeout(() => {
          socket.push(bytes(text));
          socket.push(null);
        });
        return socket;
      },
      host: "h",
    });
    client.on("response", (message) => {
      const parts = [];
      message.on("data", (part) => parts.push(part));
      message.on("error", () => resolve(null));
      message.on("end", () => {
        const { statusCode, statusMessage, rawHeaders, complete } = message;
        const body = Buffer.concat(parts).toString("latin1");
        resolve(
          complete ? { first: `${statusCode} ${statusMessage}`, lines: rawHeaders, body } : null,
        );
      });
    });
    client.on("upgrade", () => resolve({ upgrade: true }));
    client.on("error", () => resolve(null));
    client.on("close", () => setTimeout(() => resolve(null), 50));
    client.end();
  });
}

let input = "";
for await (const chunk of process.stdin) input += chunk;
const verdicts = await Promise.all(
  JSON.parse(input).map(requests ? decodeRequest : decodeResponse),
);
process.stdout.write(JSON.stringify(verdicts), () => process.exit(0));
