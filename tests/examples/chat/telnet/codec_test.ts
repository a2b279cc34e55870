import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { TelnetDecoder } from "../../../../examples/chat/telnet/codec.ts";

const [IAC, DONT, DO, WONT, WILL, SB, SE] = [255, 254, 253, 252, 251, 250, 240];
const text = (value: string) => [...new TextEncoder().encode(value)];

/** Decodes bytes in pieces, and returns all text and all answers. */
function decode(bytes: number[], pieces = bytes.length): { data: string; answer: number[] } {
  const decoder = new TelnetDecoder();
  const data: number[] = [], answer: number[] = [];
  for (let at = 0; at < bytes.length; at += pieces) {
    const part = decoder.decode(Uint8Array.from(bytes.slice(at, at + pieces)));
    data.push(...part.data);
    answer.push(...part.answer);
  }
  return { data: String.fromCharCode(...data), answer };
}

Deno.test("TelnetDecoder returns bytes without the escape byte as they are", () => {
  const bytes = Uint8Array.from(text("héllo\r\n"));
  const { data, answer } = new TelnetDecoder().decode(bytes);
  assertEquals(data, bytes);
  assertEquals(data.buffer, bytes.buffer);
  assertEquals(answer.length, 0);
});

Deno.test("TelnetDecoder refuses every option that a client offers or demands", () => {
  // The first bytes of PuTTY 0.78.
  const putty = [WILL, 31, WILL, 32, WILL, 24, WILL, 39, DO, 1, WILL, 3, DO, 3];
  const bytes = putty.flatMap((byte, at) => at % 2 === 0 ? [IAC, byte] : [byte]);
  const answer = putty.flatMap((byte, at) =>
    at % 2 === 0 ? [IAC, byte === WILL ? DONT : WONT] : [byte]
  );
  assertEquals(decode([...bytes, ...text("Ann\r\n")]), { data: "Ann\r\n", answer });
});

Deno.test("TelnetDecoder does not answer refusals, so negotiation cannot loop", () => {
  assertEquals(decode([IAC, WONT, 1, IAC, DONT, 3, ...text("hi")]), { data: "hi", answer: [] });
});

Deno.test("TelnetDecoder confirms the timing mark of Ctrl+C and erases the line", () => {
  assertEquals(decode([IAC, 244, IAC, DO, 6, ...text("hello\r\n")]), {
    data: "\x03hello\r\n",
    answer: [IAC, WILL, 6],
  });
});

Deno.test("TelnetDecoder turns the erase commands into editing keys", () => {
  assertEquals(decode([...text("ab"), IAC, 247, IAC, 248, IAC, 243]).data, "ab\x7f\x15\x03");
});

Deno.test("TelnetDecoder ignores the other commands", () => {
  const others = [236, 237, 238, 239, 240, 241, 242, 245, 249];
  assertEquals(decode(others.flatMap((command) => [IAC, command])), { data: "", answer: [] });
});

Deno.test("TelnetDecoder reports the question whether the server is there", () => {
  const { areYouThere, data } = new TelnetDecoder().decode(Uint8Array.of(IAC, 246, 97));
  assertEquals([areYouThere, [...data]], [true, [97]]);
  assertEquals(new TelnetDecoder().decode(Uint8Array.of(IAC, 241)).areYouThere, false);
});

Deno.test("TelnetDecoder skips subnegotiations, with escaped bytes in them", () => {
  const size = [IAC, SB, 31, 0, 80, 0, 10, IAC, IAC, 13, IAC, SE];
  assertEquals(decode([97, ...size, 98]), { data: "ab", answer: [] });
});

Deno.test("TelnetDecoder returns to the text after an endless subnegotiation", () => {
  const endless = [IAC, SB, ...new Array(1025).fill(120)];
  assertEquals(decode([...endless, ...text("hi")]).data, "hi");
});

Deno.test("TelnetDecoder returns an escaped byte 255", () => {
  assertEquals(decode([97, IAC, IAC, 98]).data, "a\xffb");
});

Deno.test("TelnetDecoder keeps ÿ of a client without Telnet", () => {
  assertEquals(decode([0x41, 0xff, 0x6e, 0x0a]).data, "A\xffn\n");
});

Deno.test("TelnetDecoder drops an escape byte whose data mark came as urgent data", () => {
  assertEquals(decode([IAC, 244, IAC, ...text("hi")]).data, "\x03hi");
});

Deno.test("TelnetDecoder gives the same result for pieces of any size", () => {
  const byte = fc.oneof(
    fc.constantFrom(IAC, SB, SE, WILL, DO, 6, 246),
    fc.integer({ max: 255, min: 0 }),
  );
  fc.assert(
    fc.property(
      fc.array(byte, { maxLength: 60 }),
      fc.integer({ min: 1, max: 7 }),
      (bytes, size) => {
        assertEquals(decode(bytes, size), decode(bytes));
      },
    ),
  );
});
