import { assertEquals } from "@std/assert";
import {
  type BusTarget,
  describeTarget,
  parseBusTarget,
} from "../../../../examples/chat/bus/target.ts";

const one: BusTarget = {
  kind: "single",
  tls: false,
  hosts: [{ host: "h", port: 6379 }],
  database: 0,
};

const GOOD: readonly (readonly [string, BusTarget])[] = [
  ["redis://h", one],
  ["redis://h/", one],
  ["redis://h:1", { ...one, hosts: [{ host: "h", port: 1 }] }],
  ["rediss://h/7", { ...one, tls: true, database: 7 }],
  ["redis://[::1]:5", { ...one, hosts: [{ host: "::1", port: 5 }] }],
  ["redis://ann@h", { ...one, username: "ann" }],
  ["redis://:s%40crt:%2F@h", { ...one, password: "s@crt:/" }],
  ["redis://ann:x@h", { ...one, username: "ann", password: "x" }],
  ["redis+sentinel://a,b:2/main/3", {
    ...one,
    kind: "sentinel",
    hosts: [{ host: "a", port: 26379 }, { host: "b", port: 2 }],
    group: "main",
    database: 3,
  }],
  ["rediss+cluster://a:1,b:2", {
    ...one,
    kind: "cluster",
    tls: true,
    hosts: [{ host: "a", port: 1 }, { host: "b", port: 2 }],
  }],
];

Deno.test("parseBusTarget() reads the URLs of one server, Sentinel and a Cluster", () => {
  for (const [url, target] of GOOD) assertEquals(parseBusTarget(url), target, url);
});

Deno.test("parseBusTarget() refuses other URLs", () => {
  for (
    const url of [
      "",
      "http://h",
      "redis://",
      "redis:h",
      "redis://h:0",
      "redis://h:65536",
      "redis://h:x",
      "redis://h/x",
      "redis://h/1/2",
      "redis://a,b",
      "redis://%ff@h",
      "redis://h?x=1",
      "redis+sentinel://a",
      "redis+cluster://a/1",
      "redis+other://a",
      "redis://a b",
    ]
  ) assertEquals(parseBusTarget(url), undefined, url);
});

Deno.test("describeTarget() leaves the password out", () => {
  const text = (url: string) => describeTarget(parseBusTarget(url)!);
  assertEquals(text("redis://ann:secret@[::1]:5/2"), "redis://[::1]:5/2");
  assertEquals(text("rediss+sentinel://:x@a:1,b/main/3"), "rediss+sentinel://a:1,b:26379/main/3");
});
