import { NetError, type NetErrorKind, type NetPhase } from "../../net/errors/errors.ts";
import { OTHER_CERTIFICATE } from "./_failed_handshake.ts";
import type { DiagnoseStatus } from "./diagnosis.ts";
import { openConnection, proxyFailure, type Site, siteText } from "./_open_connection.ts";
import { sniff } from "./_sniff.ts";
import { probeTls } from "../../net/tls/internal/probe.ts";
import type { Walk } from "./_timed_step.ts";

/** A failed exchange. */
interface Failed {
  readonly error: NetError;
  /** Whether the head of the response had come. */
  readonly inBody: boolean;
  /** Whether the request went over TLS. */
  readonly secure: boolean;
}

/** The meaning of a failed exchange. */
interface Explained {
  readonly status: DiagnoseStatus;
  readonly text: string;
  readonly advice?: string | undefined;
  readonly error: NetError;
  /** Whether the server requires TLS. */
  readonly speaksTls?: boolean;
}

/** Kinds of failures of a server that expects another protocol. */
const MAYBE_OTHER: ReadonlySet<NetErrorKind> = new Set<NetErrorKind>([
  "protocol",
  "truncated",
  "reset",
  "timeout",
]);

/** Explains why there is no complete response. */
export async function explainHttp(
  walk: Walk,
  site: Site,
  address: string | undefined,
  { error, inBody, secure }: Failed,
): Promise<Explained> {
  const where = siteText(site);
  const make = (what: string, kind: NetErrorKind, phase: NetPhase): Explained => {
    const message = `${where} ${what}`;
    const { tls } = error;
    const fields = { kind, phase, address: where, cause: error, ...(tls && { tls }) };
    return { status: "failed", text: message, error: new NetError(message, fields) };
  };
  if (inBody) {
    if (error.kind === "timeout") {
      return make("starts a response but does not finish it", "timeout", "read");
    }
    if (error.kind === "truncated" || error.kind === "reset") {
      return make("ends within the body", "truncated", "read");
    }
    return make(`sends a malformed body: ${reasonOf(error)}`, "protocol", "read");
  }
  if (error.kind === "truncated" && /before the end of the response/.test(error.message)) {
    return make("ends within the head", "truncated", "read");
  }
  const byProxy = proxyFailure(walk, error);
  if (byProxy !== undefined) {
    return { ...make(byProxy.text, error.kind, "connect"), advice: byProxy.advice };
  }
  if (!secure && address !== undefined && MAYBE_OTHER.has(error.kind)) {
    const other = await otherProtocol(walk, site, address);
    if (other === "TLS") {
      return { ...make("speaks TLS on this port", "protocol", "response"), speaksTls: true };
    }
    if (other !== undefined) {
      const told = make(`does not speak HTTP: it is ${other}`, "protocol", "response");
      return { ...told, advice: "Check the port." };
    }
  }
  switch (error.kind) {
    case "timeout":
      return make("sends no answer", "timeout", "response");
    case "truncated": {
      const told = make("ends the connection without an answer", "truncated", "response");
      // With TLS 1.3, the refusal of a client certificate comes after the handshake.
      return secure && walk.cert !== undefined ? { ...told, advice: OTHER_CERTIFICATE } : told;
    }
    case "reset":
      return make("resets the connection without an answer", "reset", "response");
    case "limit":
    case "protocol": {
      const speaks = await speaksHttp(walk, site, address, secure);
      return speaks
        ? make(`sends a malformed response: ${reasonOf(error)}`, "protocol", "read")
        : make("does not speak HTTP", "protocol", "response");
    }
    default:
      return { status: "failed", text: reasonOf(error), error };
  }
}

/** Returns the reason of an error without the request and the words for all malformed responses. */
function reasonOf({ message }: NetError): string {
  return message.replace(/^Cannot [A-Z]+ \S+: /, "").replace(/^the response is malformed: /, "");
}

/** Returns the protocol of a port, if it is not HTTP. */
async function otherProtocol(
  walk: Walk,
  site: Site,
  address: string,
): Promise<string | undefined> {
  const greeting = await sniff(walk, site, address);
  if (greeting !== undefined) {
    const { protocol, detail } = greeting;
    if (protocol === "HTTP" || protocol === "HTTP/2") return undefined;
    return detail === "" ? protocol : `${protocol} (${detail})`;
  }
  return await speaksTls(walk, site, address) ? "TLS" : undefined;
}

async function speaksTls(walk: Walk, site: Site, address: string): Promise<boolean> {
  try {
    const conn = await openConnection(walk, site, address);
    const probe = await probeTls(conn.detach().transport, {
      serverName: site.host,
      handshakeTimeout: walk.timeout,
      signal: walk.signal,
    });
    probe.transport.close();
    return probe.version !== undefined;
  } catch (error) {
    walk.signal?.throwIfAborted();
    if (error instanceof NetError) return false;
    throw error;
  }
}

/** Returns whether a malformed response is one of HTTP. Over TLS, nothing else is expected. */
async function speaksHttp(
  walk: Walk,
  site: Site,
  address: string | undefined,
  secure: boolean,
): Promise<boolean> {
  if (secure || address === undefined) return true;
  return (await sniff(walk, site, address))?.protocol === "HTTP";
}
