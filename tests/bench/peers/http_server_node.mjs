// JSON answers to GET and POST by Node's http.
import { createServer } from "node:http";

const answer = (response, message) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ message }));
};
const server = createServer((request, response) => {
  if (request.method !== "POST") return answer(response, "Hello, World!");
  let text = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => text += chunk);
  request.on("end", () => answer(response, JSON.parse(text).message));
});
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
