import { NetError } from "../../net/errors/errors.ts";

/** Converts a result to plain data: errors to their fields, bytes to hexadecimal digits. */
export function toPlainJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof NetError) {
      const { kind, phase, code, tls, address, message } = part;
      return { kind, phase, code, tls, address, message };
    }
    return part instanceof Uint8Array ? part.toHex() : part;
  }));
}
