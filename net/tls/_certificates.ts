import { createPrivateKey, X509Certificate } from "node:crypto";
import { NetError, type NetPhase, toNetError } from "../errors/errors.ts";
import { lowerAscii } from "../text.ts";
import type { TlsKeyPair } from "./options.ts";

interface Loaded {
  readonly cert: string;
  readonly key: string;
  readonly names: readonly string[];
}

/** Where a certificate or key that is no use is found out, and how the sentence about it begins. */
export interface Place {
  readonly subject: string;
  readonly phase: NetPhase;
}

/** The certificates of a server, in memory or in files, and which name gets which. */
export class Certificates {
  readonly #place: Place;
  #sources: readonly TlsKeyPair[];
  #loaded: readonly Loaded[];
  #stamp: string;

  /** Reads and checks them all; throws a {@linkcode NetError} that says where. */
  constructor(sources: readonly TlsKeyPair[], place: Place) {
    this.#place = place;
    this.#sources = sources;
    this.#stamp = stampOf(sources);
    this.#loaded = sources.map((source) => load(source, place));
  }

  /** The certificate for `serverName`: the exact name, a wildcard, else the first one. */
  readonly pick = (serverName: string): Loaded => {
    const name = lowerAscii(serverName);
    const wildcard = name.replace(/^[^.]+/, "*");
    return this.#loaded.find(({ names }) => names.includes(name)) ??
      this.#loaded.find(({ names }) => names.includes(wildcard)) ?? this.#loaded[0]!;
  };

  /** Whether a name makes a difference. */
  get several(): boolean {
    return this.#loaded.length > 1;
  }

  /** Takes new ones; those of before stay if any of the new is no use. */
  replace(sources: readonly TlsKeyPair[] = this.#sources): void {
    if (sources.length === 0) throw new TypeError("Cannot take no certificate: name at least one");
    const next = new Certificates(sources, this.#place);
    this.#sources = next.#sources;
    this.#stamp = next.#stamp;
    this.#loaded = next.#loaded;
  }

  /** Whether the files are other ones than those that were read last. */
  get stale(): boolean {
    return stampOf(this.#sources) !== this.#stamp;
  }
}

/** Whether all certificates of a text in PEM can be read. */
export function isReadable(pem: string): boolean {
  try {
    for (const one of pem.split(/(?=-----BEGIN CERTIFICATE-----)/)) {
      if (one.startsWith("-----BEGIN CERTIFICATE-----")) new X509Certificate(one);
    }
    return true;
  } catch {
    return false;
  }
}

function load(source: TlsKeyPair, { subject, phase }: Place): Loaded {
  const fail = (why: string, cause?: unknown): never => {
    throw new NetError(`${subject}: ${why}`, {
      kind: "tls",
      phase,
      tls: "bad-certificate",
      cause,
    });
  };
  const read = (path: string): string => {
    try {
      return Deno.readTextFileSync(path);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotCapable) throw toNetError(cause, { phase });
      const why = cause instanceof Deno.errors.NotFound
        ? "there is no file"
        : "cannot read the file";
      return fail(`${why} ${path}`, cause);
    }
  };
  const files = "certFile" in source ? source : undefined;
  const { cert, key } = "cert" in source
    ? source
    : { cert: read(source.certFile), key: read(source.keyFile) };
  const from = files === undefined ? "" : ` (${files.certFile}, ${files.keyFile})`;
  const malformed = `a certificate or key is malformed${from}`;
  try {
    const parsed = new X509Certificate(cert);
    if (!parsed.checkPrivateKey(createPrivateKey(key))) {
      fail(`${malformed}: the key does not belong to the certificate`);
    }
    const names = [...(parsed.subjectAltName ?? "").matchAll(/DNS:([^,\s]+)/g)]
      .map(([, name]) => lowerAscii(name!));
    return { cert, key, names };
  } catch (cause) {
    if (cause instanceof NetError) throw cause;
    return fail(`${malformed}: it is not readable as PEM`, cause);
  }
}

/** What changes when a file is written, replaced, or linked to another. */
function stampOf(sources: readonly TlsKeyPair[]): string {
  const paths = sources.flatMap((it) => "certFile" in it ? [it.certFile, it.keyFile] : []);
  return paths.map((path) => {
    try {
      const { mtime, size, ino } = Deno.statSync(path);
      return `${mtime?.getTime()} ${size} ${ino}`;
    } catch {
      return "unreadable";
    }
  }).join();
}
