// Asks for URLs through a proxy, one after the other on a kept connection, with Node's own client.
// Takes the port of the proxy; a JSON list of URLs on standard input. Prints [status, body] of each.
import { Agent, request } from "node:http";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const ask = (url) =>
  new Promise((resolve) => {
    const options = { agent, port: process.argv[2], path: url, host: "127.0.0.1", timeout: 10_000 };
    const failed = ({ message }) => resolve([0, message]);
    const sent = request(options, (response) => {
      let body = "";
      response.setEncoding("latin1");
      response.on("data", (part) => body += part);
      response.on("end", () => resolve([response.statusCode, body]));
      response.on("error", failed);
    });
    sent.on("error", failed);
    sent.on("timeout", () => sent.destroy(new Error("timeout")));
    sent.end();
  });
const answers = [];
for (const url of JSON.parse(text)) answers.push(await ask(url));
agent.destroy();
console.log(JSON.stringify(answers));
