import { connect } from "node:net";

let next = 1;
let open = 0;
const probe = (port) =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.77.0.3", port, timeout: 1000 });
    const end = (found) => {
      open += found;
      socket.destroy();
      resolve();
    };
    socket.once("connect", () => end(1)).once("error", () => end(0)).once("timeout", () => end(0));
  });
async function worker() {
  while (next <= 65535) await probe(next++);
}
await Promise.all(Array.from({ length: 100 }, worker));
console.log(open);
