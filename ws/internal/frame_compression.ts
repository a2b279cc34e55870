import type { WsCompressionOptions } from "../connection/options.ts";
import type { DeflateParameters } from "./deflate_offer.ts";
import { MessageDeflater, MessageInflater } from "./message_deflate.ts";
import { FrameEncoder } from "./message_frame.ts";

/** The compression that both sides have agreed on, and how this side uses it. */
export interface AgreedCompression {
  readonly parameters: DeflateParameters;
  readonly options: WsCompressionOptions;
}

/** The two directions of a connection with compression. */
export interface FrameCompressors {
  readonly encoder: FrameEncoder;
  readonly inflater: MessageInflater;
}

/** Returns the compressor and the decompressor of one side. */
export function openCompression(
  role: "server" | "client",
  { parameters, options }: AgreedCompression,
): FrameCompressors {
  const { threshold = 1024, level = 6 } = options;
  const server = {
    windowBits: parameters.serverMaxWindowBits,
    takeover: !parameters.serverNoContextTakeover,
  };
  const client = {
    windowBits: parameters.clientMaxWindowBits,
    takeover: !parameters.clientNoContextTakeover,
  };
  const [here, there] = role === "server" ? [server, client] : [client, server];
  const deflater = new MessageDeflater(here, level);
  return {
    encoder: new FrameEncoder(role === "client", { deflater, threshold }),
    inflater: new MessageInflater(there),
  };
}
