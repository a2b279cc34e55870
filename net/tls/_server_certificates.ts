import { createPrivateKey, X509Certificate } from "node:crypto";
import { NetError, type NetPhase, toNetError } from "../errors/errors.ts";
import { RecentTexts } from "../internal/x509/recent_texts.ts";
import { lowerAscii } from "../text.ts";
import type { TlsKeyPair } from "./options.ts";

interface Loaded {
  readonly cert: string;
  readonly key: string;
  readonly names: readonly string[];
}

/** The operation that reads certificates, for its errors. `subject` is the start of the message. */
export interface Place {
  readonly subject: string;
  readonly phase: NetPhase;
}

/** The certificates of a server, in memory or in files. It selects one for each server name. */
export class Certificates {
  readonly #place: Place;
  #sources: readonly TlsKeyPair[];
  #loaded: readonly Loaded[];
  #stamp: string;

  /** Reads and checks all certificates. Throws a {@linkcode NetError} if one is invalid. */
  constructor(sources: readonly TlsKeyPair[], place: Place) {
    this.#place = place;
    this.#sources = sources;
    this.#stamp = stampOf(sources);
    this.#loaded = sources.map((source) => load(source, place));
  }

  /**
   * Returns the certificate for a name: the exact name, else a wildcard, else the first one. Some
   * clients send the dot at the end of an absolute name, against RFC 6066 §3.
   */
  readonly pick = (serverName: string): Loaded => {
    const name = lowerAscii(serverName).replace(/\.$/, "");
    const wildcard = name.replace(/^[^.]+/, "*");
    return this.#loaded.find(({ names }) => names.includes(name)) ??
      this.#loaded.find(({ names }) => names.includes(wildcard)) ?? this.#loaded[0]!;
  };

  /** Whether there are several certificates to select from. */
  get several(): boolean {
    return this.#loaded.length > 1;
  }

  /** Replaces the certificates. The old ones stay if a new one is invalid. */
  replace(sources: readonly TlsKeyPair[] = this.#sources): void {
    if (sources.length === 0) {
      throw new TypeError("certificates must contain at least one certificate");
    }
    const next = new Certificates(sources, this.#place);
    this.#sources = next.#sources;
    this.#stamp = next.#stamp;
    this.#loaded = next.#loaded;
  }

  /** Whether the files have changed since they were read. */
  get stale(): boolean {
    return stampOf(this.#sources) !== this.#stamp;
  }
}

const readable = new RecentTexts(canRead);

/** Returns whether all certificates of a PEM text are valid. */
export function isReadable(pem: string): boolean {
  return readable.get(pem);
}

function canRead(pem: string): boolean {
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
  let part = "certificate";
  try {
    const parsed = new X509Certificate(cert);
    part = "key";
    if (!parsed.checkPrivateKey(createPrivateKey(key))) {
      fail(`the key does not belong to the certificate${from}`);
    }
    const names = [...(parsed.subjectAltName ?? "").matchAll(/DNS:([^,\s]+)/g)]
      .map(([, name]) => lowerAscii(name!));
    return { cert, key, names };
  } catch (cause) {
    if (cause instanceof NetError) throw cause;
    return fail(`the ${part} is not readable as PEM${from}`, cause);
  }
}

/** Returns a text that changes when a file is written, replaced, or linked to another one. */
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
