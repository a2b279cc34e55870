import { formatAddress } from "../../net/address.ts";
import type { Connection } from "../../net/connection/connection.ts";
import type { Http1Request } from "../http1/codec.ts";
import { Known } from "../internal/http1_fields.ts";
import { type ClientAddress, clientAddress } from "./_client_rules.ts";
import type { ProxyCore } from "./_proxy_state.ts";
import type { CurrentRequest } from "./_current_request.ts";
import { valueOf } from "./_head.ts";
import { ProxyRefusal } from "./_error_pages.ts";
import type { Target, TargetRules } from "./_target_rules.ts";
import { hasPassed } from "./_request_target.ts";

/** Decides whether a client may use the proxy, and for which targets. */
export class ClientAdmission {
  /** The address of the client, for logs and hooks. */
  readonly client: string;
  /** Whether the client may use the proxy. */
  readonly admitted: boolean;
  readonly #core: ProxyCore;
  readonly #conn: Connection;
  readonly #address: ClientAddress;
  #isLoop: boolean | undefined;

  constructor(core: ProxyCore, conn: Connection) {
    this.#core = core;
    this.#conn = conn;
    this.client = formatAddress(conn.remoteAddr);
    this.#address = clientAddress(conn.remoteAddr);
    this.admitted = core.clients.admits(this.#address);
  }

  /** Refuses clients that may not use the proxy, and requests that have already passed it. */
  check(head: Http1Request, current: CurrentRequest): void {
    const { credentials, upstreams, via } = this.#core;
    this.#isLoop ??= upstreams.isOurs(this.#conn.remoteAddr, this.#conn.localAddr);
    if (this.#isLoop || hasPassed(head, via)) {
      throw new ProxyRefusal(508, "The request has come through this proxy before");
    }
    if (!this.admitted) {
      throw new ProxyRefusal(403, "This client may not use the proxy", "the client is not allowed");
    }
    if (credentials !== undefined) {
      current.user = credentials.check(valueOf(head.fields, Known.proxyAuthorization));
      if (current.user === undefined) throw new ProxyRefusal(407, "The proxy wants a login");
    }
  }

  /** Returns the rules for a target. Throws if they do not allow its port. */
  rulesFor({ port }: Target, head: Http1Request, current: CurrentRequest): TargetRules {
    const rules = this.#core.clients.rulesFor(this.#address, current.user);
    const byConnect = head.method === "CONNECT";
    if (rules.mayUsePort(port, byConnect)) return rules;
    const what = byConnect ? "CONNECT" : "A request";
    throw new ProxyRefusal(403, `${what} to this port is not allowed`);
  }
}
