/** The server side of SOCKS 5 (RFC 1928, RFC 1929), as far as the dialer needs it. @module */

type Bytes = Uint8Array<ArrayBuffer>;

/** The target that a SOCKS client requests. */
export interface SocksTarget {
  readonly hostname: string;
  readonly port: number;
}

/** A source of exact numbers of bytes of a client. */
export interface SocksSource {
  /** Reads exactly `size` bytes. */
  readExact(size: number): Promise<Bytes>;
  /** Writes all bytes. */
  write(bytes: Bytes): Promise<void>;
}

/** Authenticates a client and reads its target. Throws if the client does not know the secret. */
export async function acceptSocks(source: SocksSource, secret: string): Promise<SocksTarget> {
  const [version, count] = await source.readExact(2);
  if (version !== 5) throw new Error("The client of the dialer does not speak SOCKS 5");
  const methods = await source.readExact(count!);
  if (!methods.includes(2)) {
    await source.write(new Uint8Array([5, 0xff]));
    throw new Error("The client of the dialer offers no password");
  }
  await source.write(new Uint8Array([5, 2]));
  const [, nameSize] = await source.readExact(2);
  await source.readExact(nameSize!);
  const [size] = await source.readExact(1);
  const password = utf8.decode(await source.readExact(size!));
  await source.write(new Uint8Array([1, password === secret ? 0 : 1]));
  if (password !== secret) throw new Error("The client of the dialer does not know its password");
  const [, command, , type] = await source.readExact(4);
  const hostname = await readHost(source, type!);
  const [high, low] = await source.readExact(2);
  if (command !== 1) throw new Error("The client of the dialer wants something else than CONNECT");
  return { hostname, port: high! * 256 + low! };
}

/** Returns the reply to a request: 0 for success, 4 for failure. */
export function socksReply(code: 0 | 4): Bytes {
  return new Uint8Array([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

async function readHost(source: SocksSource, type: number): Promise<string> {
  if (type === 1) return (await source.readExact(4)).join(".");
  if (type === 3) {
    const [size] = await source.readExact(1);
    return utf8.decode(await source.readExact(size!));
  }
  const words = new DataView((await source.readExact(16)).buffer);
  const parts = Array.from({ length: 8 }, (_, i) => words.getUint16(i * 2).toString(16));
  // The URL parser returns the canonical form, which origins also use.
  return new URL(`http://[${parts.join(":")}]/`).hostname.slice(1, -1);
}

const utf8 = new TextDecoder();
