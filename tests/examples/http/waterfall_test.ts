import { assertEquals } from "@std/assert";
import { waterfall } from "../../../examples/http/waterfall.ts";
import {
  type HttpConnectionInfo,
  HttpResponse,
  type HttpTimings,
} from "../../../http/client/response.ts";

const NO_TIMES: HttpTimings = {
  queue: 0,
  resolve: undefined,
  connect: undefined,
  tls: undefined,
  sent: undefined,
  firstByte: undefined,
  total: undefined,
};

function responseWith(timings: Partial<HttpTimings>, more: Partial<HttpConnectionInfo> = {}) {
  return new HttpResponse(null, {
    status: 200,
    statusText: "OK",
    headers: new Headers(),
    url: "http://a/",
    shownUrl: "http://a/",
    redirected: false,
    history: [],
    connection: {
      remoteAddr: undefined,
      tls: undefined,
      reused: false,
      trailers: () => undefined,
      timings: { ...NO_TIMES, ...timings },
      ...more,
    },
  });
}

/** A bar of `#` between two columns. */
const bar = (from: number, to: number) => `${" ".repeat(from)}${"#".repeat(to - from)}`;

Deno.test("waterfall() shows each phase to scale, and the connection", () => {
  const times = { queue: 1, resolve: 2, connect: 3, tls: 4, sent: 12, firstByte: 16, total: 20 };
  const lines = waterfall(responseWith(times, {
    remoteAddr: { transport: "tcp", hostname: "::1", port: 443 },
    tls: { alpnProtocol: null, version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" },
    reused: true,
  }));
  assertEquals(lines, [
    `queue         1.0 ms ${bar(0, 2)}`,
    `resolve       2.0 ms ${bar(2, 6)}`,
    `connect       3.0 ms ${bar(6, 12)}`,
    `tls           4.0 ms ${bar(12, 20)}`,
    `send          2.0 ms ${bar(20, 24)}`,
    `wait          4.0 ms ${bar(24, 32)}`,
    `body          4.0 ms ${bar(32, 40)}`,
    "total        20.0 ms [::1]:443, TLSv1.3 TLS_AES_128_GCM_SHA256, reused",
  ]);
});

Deno.test("waterfall() shows responses that came early, or never ended", () => {
  const widths = (timings: Partial<HttpTimings>) =>
    waterfall(responseWith(timings)).slice(4).map((line) => line.split(/ +/)[1]);
  // The server answered before it had the whole request.
  assertEquals(widths({ connect: 2, sent: 9, firstByte: 5, total: 10 }), [
    ...["3.0", "0.0", "5.0", "10.0"],
  ]);
  // The request was still being sent, and the body was cut off.
  assertEquals(widths({ connect: 2, firstByte: 5 }), ["3.0", "0.0", "0.0", "5.0"]);
  // The first byte came before the connection was counted.
  assertEquals(widths({ connect: 6, firstByte: 5, total: 8 }), ["0.0", "0.0", "3.0", "9.0"]);
  const tls = { alpnProtocol: "h2" };
  assertEquals(waterfall(responseWith({}, { tls })).at(-1), "total         0.0 ms TLS");
});
