import { assertEquals, assertThrows } from "@std/assert";
import { chooseProxy, type ProxyOption, proxyRule } from "../../../http/internal/proxy_choice.ts";

/** Returns what the choice says for some URLs. */
function choices(option: ProxyOption, variables: Record<string, string> = {}) {
  const choice = chooseProxy(option, "proxy", (name) => variables[name]);
  return (...urls: string[]) => urls.map((url) => choice(new URL(url))?.shown);
}

Deno.test("chooseProxy() takes an option as it is, and nothing from the environment", () => {
  const variables = { http_proxy: "http://env.test:1", no_proxy: "*" };
  for (const url of ["http://opt.test:2", new URL("http://opt.test:2")]) {
    const ask = choices(url, variables);
    assertEquals(ask("ws://a.test", "https://a.test"), ["http://opt.test:2", "http://opt.test:2"]);
  }
  assertEquals(choices(false, variables)("ws://a.test"), [undefined]);
  const ask = choices({ url: "socks5://opt.test", noProxy: "a.test:443,10.0.0.0/8" }, variables);
  assertEquals(ask("wss://a.test", "ws://a.test", "http://10.0.0.9", "http://b.test"), [
    undefined,
    "socks5://opt.test:1080",
    undefined,
    "socks5://opt.test:1080",
  ]);
});

Deno.test("chooseProxy() reads the variables of the environment", () => {
  const urls = ["http://a.test", "ws://a.test", "https://a.test", "wss://a.test"];
  const [plain, secure, all] = ["http://p.test:1", "http://s.test:2", "socks5h://all.test:3"];
  const rows: [Record<string, string>, (string | undefined)[]][] = [
    [{}, [undefined, undefined, undefined, undefined]],
    [{ http_proxy: plain }, [plain, plain, undefined, undefined]],
    [{ HTTP_PROXY: plain }, [plain, plain, undefined, undefined]],
    [{ HTTP_PROXY: plain, REQUEST_METHOD: "GET" }, [undefined, undefined, undefined, undefined]],
    [{ http_proxy: plain, REQUEST_METHOD: "GET" }, [plain, plain, undefined, undefined]],
    [{ https_proxy: secure }, [undefined, undefined, secure, secure]],
    [{ HTTPS_PROXY: secure, ALL_PROXY: all }, [all, all, secure, secure]],
    [{ https_proxy: secure, HTTPS_PROXY: plain }, [undefined, undefined, secure, secure]],
    [{ all_proxy: all, no_proxy: "a.test:443" }, [all, all, undefined, undefined]],
    [{ all_proxy: all, NO_PROXY: "a.test:80" }, [undefined, undefined, all, all]],
    [{ http_proxy: "", HTTP_PROXY: "p.test:1" }, [plain, plain, undefined, undefined]],
  ];
  for (const [variables, expected] of rows) {
    assertEquals(choices(undefined, variables)(...urls), expected, JSON.stringify(variables));
  }
});

Deno.test("chooseProxy() names a variable that is unusable, when it is needed", () => {
  const ask = choices(undefined, { HTTPS_PROXY: "ftp://s3cret@a.test" });
  assertEquals(ask("http://a.test"), [undefined]);
  const error = assertThrows(() => ask("https://a.test"), TypeError, "HTTPS_PROXY must be a URL");
  assertEquals(error.message.includes("s3cret"), false);
});

Deno.test({
  name: "chooseProxy() does not ask for a variable that it may not read",
  permissions: { env: false },
  fn() {
    assertEquals(chooseProxy(undefined)(new URL("http://a.test")), undefined);
  },
});

Deno.test("proxyRule() rejects options of a wrong type, and shows no URL", () => {
  const bad: [unknown, string][] = [
    [true, "proxy must be a URL, an object with a URL, or false"],
    [7, "proxy must be a URL, an object with a URL, or false"],
    [[], "proxy must be an object"],
    [{}, "proxy.url must be a string"],
    ["s3cret", "proxy must be a URL of http"],
    [{ url: "s3cret" }, "proxy.url must be a URL of http"],
    [{ url: "http://a.test", noproxy: "" }, 'did you mean "proxy.noProxy"'],
    [{ url: "http://a.test", noProxy: [1] }, "proxy.noProxy[0] must be a string"],
    [{ url: "http://a.test", caCerts: ["x"] }, "proxy.caCerts[0] must be a certificate"],
  ];
  for (const [value, words] of bad) {
    const error = assertThrows(() => proxyRule("proxy", value), Error);
    assertEquals(error.message.includes("s3cret"), false);
    if (!words.startsWith("did")) assertEquals(error.message.slice(0, words.length), words);
  }
  proxyRule("proxy", false);
  proxyRule("proxy", "http://a.test");
});
