import { assertEquals } from "@std/assert";
import { readNoProxy } from "../../../http/internal/no_proxy.ts";

Deno.test("a list of hosts without a proxy has names, addresses, blocks and ports", () => {
  const rows: [list: string, matches: string[], others: string[]][] = [
    ["", [], ["a.test:80"]],
    ["*", ["a.test:80", "::1:443"], []],
    ["a.test", ["a.test:80", "b.a.test:443", "A.TEST:80", "a.test.:80"], ["xa.test:80", "test:80"]],
    [".a.test", ["a.test:80", "b.a.test:80"], ["xa.test:80"]],
    ["*.a.test", ["a.test:80", "b.a.test:80"], ["xa.test:80"]],
    ["A.Test.", ["a.test:80"], ["b.test:80"]],
    ["a.test:8080", ["a.test:8080", "b.a.test:8080"], ["a.test:80"]],
    ["127.0.0.1", ["127.0.0.1:80", "::ffff:127.0.0.1:80"], ["127.0.0.2:80", "x.127.0.0.1:80"]],
    ["10.0.0.0/8", ["10.1.2.3:80"], ["11.0.0.1:80", "10.test:80"]],
    ["10.0.0.0/8:81", ["10.1.2.3:81"], ["10.1.2.3:80"]],
    ["::1", ["::1:80", "[::1]:81"], ["::2:80"]],
    ["[::1]", ["::1:80"], ["::2:80"]],
    ["[::1]:81", ["::1:81"], ["::1:80"]],
    ["fd00::/8", ["fd12::1:80"], ["fe80::1:80"]],
    ["a.test,b.test c.test", ["a.test:1", "b.test:1", "c.test:1"], ["d.test:1"]],
    [" , ,", [], ["a.test:80"]],
    ["10.0.0.0/99", [], ["10.0.0.0:80"]],
  ];
  for (const [list, matches, others] of rows) {
    for (const forms of [list, list.split(/[,\s]+/)]) {
      const direct = readNoProxy(forms);
      const ask = (host: string) => {
        const at = host.lastIndexOf(":");
        return direct(host.slice(0, at), Number(host.slice(at + 1)));
      };
      assertEquals(matches.filter((host) => !ask(host)), [], list);
      assertEquals(others.filter(ask), [], list);
    }
  }
});
