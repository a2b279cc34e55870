import { Http1Decoder, type Http1DecoderOptions } from "../../../http/http1/codec.ts";
import { checkEveryOption } from "../../_support/options.ts";
import { assertThrows } from "@std/assert";

Deno.test("Http1Decoder checks every option", async () => {
  for (const side of ["request", "response"] as const) {
    await checkEveryOption<Http1DecoderOptions>("Http1Decoder", {
      maxHead: "count",
      maxLine: "count",
      maxFields: "count",
      maxTrailers: "count",
      tolerant: "none",
    }, (options) => new Http1Decoder(side, options));
  }
});

Deno.test("Http1Decoder checks its side", () => {
  assertThrows(
    () => new Http1Decoder("requests" as never),
    TypeError,
    'side must be "request" or "response", got string "requests"',
  );
});
