import { assertEquals, assertThrows } from "@std/assert";
import type { WsCompressionOptions } from "../../../ws/connection/options.ts";
import { agreedDeflate, answerDeflate, offerDeflate } from "../../../ws/internal/deflate_offer.ts";

const ALL: WsCompressionOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 10,
  clientMaxWindowBits: 9,
};

Deno.test("offerDeflate() lets the server choose the window of the client, and adds what is set", () => {
  assertEquals(offerDeflate(), "permessage-deflate; client_max_window_bits");
  assertEquals(
    offerDeflate(ALL),
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; " +
      "server_max_window_bits=10; client_max_window_bits=9",
  );
});

Deno.test("answerDeflate() accepts the first valid offer and grants what it asks for", () => {
  const cases: [offers: string, header: string | undefined, options?: WsCompressionOptions][] = [
    ["permessage-deflate", "permessage-deflate"],
    ["permessage-deflate; client_max_window_bits", "permessage-deflate"],
    [
      "Permessage-Deflate ; SERVER_MAX_WINDOW_BITS = 10", // names in any case
      "permessage-deflate; server_max_window_bits=10",
    ],
    [
      'x-webkit-deflate-frame, permessage-deflate; server_max_window_bits="12"',
      "permessage-deflate; server_max_window_bits=12",
    ],
    [
      "permessage-deflate; server_max_window_bits=15",
      "permessage-deflate; server_max_window_bits=15",
    ],
    [
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    ],
    [
      "permessage-deflate; client_max_window_bits=11",
      "permessage-deflate; client_max_window_bits=11",
    ],
    [
      "permessage-deflate; client_max_window_bits=8; server_max_window_bits=8",
      "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
    ],
    // The second offer counts if the first one is invalid.
    [
      "permessage-deflate; server_max_window_bits=16, permessage-deflate; client_max_window_bits",
      "permessage-deflate",
    ],
    ["permessage-deflate; client_max_window_bits", offerDeflate(ALL), ALL],
    // A client that does not offer to limit its window cannot be asked to.
    [
      "permessage-deflate",
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; " +
      "server_max_window_bits=10",
      ALL,
    ],
  ];
  for (const [offers, header, options] of cases) {
    assertEquals(answerDeflate(offers, options)?.header, header, offers);
  }
});

Deno.test("answerDeflate() declines unknown, repeated and malformed parameters", () => {
  const bad = [
    "unknown",
    "server_no_context_takeover=1",
    "server_no_context_takeover; server_no_context_takeover",
    "server_max_window_bits",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=08",
    "server_max_window_bits=+9",
    "server_max_window_bits=9; server_max_window_bits=9",
    "client_max_window_bits=",
    'client_max_window_bits="9',
    "client_max_window_bits=0x9",
    "client_max_window_bits=9 9",
    "=9",
  ];
  for (const parameters of bad) {
    assertEquals(answerDeflate(`permessage-deflate; ${parameters}`), undefined, parameters);
  }
  for (const other of ["", "permessage-bzip2", "permessage-deflates", "permessage-deflate;"]) {
    assertEquals(answerDeflate(other), undefined, other);
  }
  assertEquals(answerDeflate(null), undefined);
});

Deno.test("agreedDeflate() returns the parameters of the connection", () => {
  assertEquals(agreedDeflate(null, {}), undefined);
  assertEquals(agreedDeflate("", undefined), undefined);
  assertEquals(agreedDeflate("permessage-deflate", {}), {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
  });
  const all = {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 10,
    clientMaxWindowBits: 9,
  };
  assertEquals(agreedDeflate(offerDeflate(ALL), ALL), all);
  assertEquals(
    agreedDeflate(
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=8; " +
        "client_max_window_bits=12",
      ALL,
    ),
    { ...all, serverMaxWindowBits: 8 },
  );
});

Deno.test("agreedDeflate() rejects an answer that does not fit the offer", () => {
  const bad: [answer: string, options?: WsCompressionOptions | undefined][] = [
    ["permessage-deflate", undefined],
    ["permessage-bzip2", {}],
    ["permessage-deflate, permessage-deflate", {}],
    ["permessage-deflate; unknown", {}],
    ["permessage-deflate; client_max_window_bits", {}],
    ["permessage-deflate; server_max_window_bits=16", {}],
    ["permessage-deflate; server_max_window_bits=11", { serverMaxWindowBits: 10 }],
    ["permessage-deflate", { serverMaxWindowBits: 10 }],
    ["permessage-deflate", { serverNoContextTakeover: true }],
  ];
  for (const [answer, options] of bad) {
    assertThrows(() => agreedDeflate(answer, options), TypeError, undefined, answer);
  }
});

Deno.test("a client understands every answer of a server", () => {
  const flags = [undefined, false, true];
  const bits = [undefined, 8, 12, 15];
  const offers: WsCompressionOptions[] = flags.flatMap((one) =>
    flags.flatMap((two) =>
      bits.flatMap((three) =>
        bits.map((four) => ({
          ...one !== undefined && { serverNoContextTakeover: one },
          ...two !== undefined && { clientNoContextTakeover: two },
          ...three !== undefined && { serverMaxWindowBits: three },
          ...four !== undefined && { clientMaxWindowBits: four },
        }))
      )
    )
  );
  for (const client of offers) {
    for (const server of offers) {
      const answer = answerDeflate(offerDeflate(client), server);
      assertEquals(agreedDeflate(answer?.header ?? null, client), answer?.parameters);
    }
  }
});
