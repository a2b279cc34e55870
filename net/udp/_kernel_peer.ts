import { readAddressBytes } from "../address_block.ts";
import { systemError } from "../internal/uv_handles.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Values of Linux. */
const [AF_INET, AF_INET6, SOCK_DGRAM] = [2, 10, 2];
const [SOL_SOCKET, SO_TYPE, SO_ERROR] = [1, 3, 4];

/** Sizes of `sockaddr_in` and `sockaddr_in6` in bytes. */
const [SIZE_4, SIZE_6] = [16, 28];

/**
 * Numbers of descriptors among which a socket is looked for: first those from the lowest free one on, then
 * all up to a limit. Other threads open and close some meanwhile.
 */
const [NEAR, ALL] = [64, 4096];

/** Opening the library takes 1 ms, so the sockets share it. */
let library: Library | undefined;
let users = 0;

/**
 * The peer of a UDP socket, set in the kernel (`connect`). The kernel then drops the datagrams of
 * others, and keeps the error when the peer's machine reports that nobody listens on the port
 * (ICMP, RFC 1122 §4.1.3.3).
 *
 * Deno cannot connect a UDP socket, but the C library can. This needs Linux and the permission `ffi`.
 * A program that does not have it is not asked for it. No event reports such an error in Deno, so the
 * caller has to look for it.
 */
export class KernelPeer {
  readonly #library: Library;
  /** The lowest descriptor that the socket can have. */
  readonly #from: number;
  #fd: number | undefined;
  #closed = false;

  private constructor(opened: Library) {
    this.#library = opened;
    users++;
    const { socket, close } = opened.symbols;
    this.#from = socket(AF_INET, SOCK_DGRAM, 0);
    close(this.#from);
  }

  /** Prepares for a socket that is opened next. Returns undefined if that is impossible. */
  static prepare(): KernelPeer | undefined {
    if (Deno.build.os !== "linux") return undefined;
    if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
    try {
      return new KernelPeer(library ??= Deno.dlopen("libc.so.6", SYMBOLS));
    } catch {
      // Another C library, such as that of Alpine.
      return undefined;
    }
  }

  /** Connects the socket with the address `local` to `remote`. Returns false if that fails. */
  connect(local: Deno.NetAddr, remote: Deno.NetAddr): boolean {
    const address = encodeAddress(remote);
    const fd = address && this.#find(local);
    if (fd === undefined) return false;
    if (this.#library.symbols.connect(fd, address!, address!.length) !== 0) return false;
    this.#fd = fd;
    return true;
  }

  /** Takes the error that the kernel has noted since the last call. */
  take(): Error | undefined {
    if (this.#fd === undefined) return undefined;
    const number = this.#option(this.#fd, SO_ERROR) ?? 0;
    return number === 0 ? undefined : systemError(-number, "read");
  }

  /** Releases the library. Call it before the socket is closed. */
  close(): void {
    this.#fd = undefined;
    if (this.#closed) return;
    this.#closed = true;
    if (--users > 0) return;
    library = undefined;
    this.#library.close();
  }

  /** Returns the descriptor of the socket with a local address. */
  #find({ hostname, port }: Deno.NetAddr): number | undefined {
    const own = new Uint8Array(SIZE_6);
    const size = new Uint32Array(1);
    const sizeBytes = new Uint8Array(size.buffer);
    const wanted = encodeAddress({ transport: "udp", hostname, port });
    if (wanted === undefined || this.#from < 0) return undefined;
    const isWanted = (fd: number): boolean => {
      size[0] = SIZE_6;
      if (this.#library.symbols.getsockname(fd, own, sizeBytes) !== 0) return false;
      // A TCP socket can have the same address.
      return size[0] === wanted.length && wanted.every((byte, i) => own[i] === byte) &&
        this.#option(fd, SO_TYPE) === SOCK_DGRAM;
    };
    for (let fd = this.#from; fd < this.#from + NEAR; fd++) if (isWanted(fd)) return fd;
    for (let fd = 0; fd < ALL; fd++) if (isWanted(fd)) return fd;
    return undefined;
  }

  /** Returns an option of a socket, or undefined if the system refuses. */
  #option(fd: number, name: number): number | undefined {
    const value = new Int32Array(1);
    const bytes = new Uint8Array(value.buffer);
    const size = new Uint8Array(Uint32Array.of(bytes.length).buffer);
    const status = this.#library.symbols.getsockopt(fd, SOL_SOCKET, name, bytes, size);
    return status === 0 ? value[0] : undefined;
  }
}

/** Encodes a `sockaddr`. Returns undefined for an address with a zone, and for a name. */
function encodeAddress({ hostname, port }: Deno.NetAddr): Uint8Array<ArrayBuffer> | undefined {
  const six = hostname.includes(":");
  const address = readAddressBytes(hostname);
  // An IPv4-mapped address is read as the IPv4 address.
  if (address === undefined || address.length !== (six ? 16 : 4)) return undefined;
  const bytes = new Uint8Array(six ? SIZE_6 : SIZE_4);
  new Uint16Array(bytes.buffer)[0] = six ? AF_INET6 : AF_INET;
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  bytes.set(address, six ? 8 : 4);
  return bytes;
}
