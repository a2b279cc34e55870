// Asks an origin through a proxy with undici's ProxyAgent on Node, by CONNECT and by absolute URLs.
// Takes the file of undici, the URL of the proxy and that of the origin.
import { createRequire } from "node:module";

const [file, proxy, origin] = process.argv.slice(2);
const { ProxyAgent, request } = createRequire(import.meta.url)(file);

async function ask(proxyTunnel) {
  const dispatcher = new ProxyAgent({ uri: proxy, proxyTunnel, connections: 10 });
  const way = proxyTunnel ? "directly" : "by way of a proxy";
  const text = async (path, options) =>
    (await request(origin + path, { dispatcher, ...options })).body.text();
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => await text(`/${i}`) === `GET /${i} 0 ${way}\n`),
  );
  async function* body() {
    for (let i = 0; i < 300; i++) yield Buffer.alloc(1000);
  }
  const upload = await text("/up", { method: "PUT", body: body() });
  await dispatcher.close();
  return { right: answers.filter(Boolean).length, upload };
}

console.log(JSON.stringify({ tunnel: await ask(true), forward: await ask(false) }));
