import { basicLogin } from "../../http/internal/proxy_server.ts";
import { decodePart, hostPortOf, shownUrl } from "../../http/internal/url_parts.ts";
import { escapeControls } from "../../net/text.ts";

/** The URL of a WebSocket, as the parts of a client need it. */
export interface WsTarget {
  /** The URL with `ws:` or `wss:`, without credentials and fragment. */
  readonly url: URL;
  /** The URL for messages, without the query. */
  readonly shown: string;
  /** Whether TLS is used. */
  readonly secure: boolean;
  /** The name or IP address, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The credentials of the URL for `Authorization`. */
  readonly authorization: string | undefined;
}

/**
 * Reads the URL of a WebSocket (RFC 6455 §3). A fragment is dropped; `http:` means `ws:`.
 *
 * @throws {TypeError} If it is no URL of these schemes. The message shows no query.
 */
export function readTarget(given: string | URL): WsTarget {
  const url = URL.parse(given);
  if (url === null) {
    const said = String(given).replace(/^.*@/s, "…@").replace(/\?.*$/s, "?…").slice(0, 60);
    throw new TypeError(
      `Cannot open ${escapeControls(JSON.stringify(said))}: it is not a URL`,
    );
  }
  url.protocol = url.protocol.replace(/^http/, "ws");
  url.hash = "";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    const why = `the scheme of the URL must be ws: or wss:, got ${url.protocol}`;
    throw new TypeError(`Cannot open a WebSocket: ${why}`);
  }
  const { username, password } = url;
  url.username = url.password = "";
  const secure = url.protocol === "wss:";
  return {
    url,
    shown: shownUrl(url),
    secure,
    ...hostPortOf(url),
    authorization: username === "" && password === "" ? undefined : basicLogin("The URL", {
      username: decodePart(username),
      password: decodePart(password),
    }),
  };
}
