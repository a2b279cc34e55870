/**
 * Starts a server of each kind. While a server is held, a timer that holds nothing still fires; after
 * `unref()` of all servers, the program ends by itself.
 *
 * @module
 */

import { serveProxy } from "../../../http/proxy/proxy.ts";
import { serveHttp } from "../../../http/server/server.ts";
import { serveTcp } from "../../../net/tcp/server.ts";
import { developmentCertificate } from "../../../net/tls/certificate.ts";
import { serveTls } from "../../../net/tls/server.ts";
import { serveUnix } from "../../../net/unix/server.ts";

interface Held {
  ref(): void;
  unref(): void;
}

const [folder] = Deno.args;
const { cert, key } = await developmentCertificate();
const nothing = async () => {};
const answer = () => new Response();
const starts: Record<string, () => Held | Promise<Held>> = {
  tcp: () => serveTcp({}, nothing),
  tls: () => serveTls({ cert, key }, nothing),
  unix: () => serveUnix({ path: `${folder}/a` }, nothing),
  http: () => serveHttp({}, answer),
  hardened: () => serveHttp({ hardened: true }, answer),
  "http on unix": () => serveHttp({ path: `${folder}/b` }, answer),
  proxy: () => serveProxy({}),
};
for (const [name, start] of Object.entries(starts)) {
  const server = await start();
  server.unref();
  server.ref();
  await new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, 1)));
  console.log(name);
  server.unref();
}
