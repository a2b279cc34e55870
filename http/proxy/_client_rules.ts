import { type Address, peerHost } from "../../net/address.ts";
import { AddressBlocks, type AddressBytes, readAddressBytes } from "../../net/address_block.ts";
import { LocalAddresses } from "./_local_addresses.ts";
import { TargetRules } from "./_target_rules.ts";
import type { ProxyClientRule, ProxyOptions } from "./options.ts";

/** The address of a client, or `unix:` for a Unix socket; undefined without an address. */
export type ClientAddress = AddressBytes | string | undefined;

/** Returns the address of a client without its zone. */
export function clientAddress(remote: Address): ClientAddress {
  if (!("hostname" in remote)) return peerHost(remote);
  return readAddressBytes(remote.hostname.replace(/%[\w.-]+$/, ""));
}

/** The rules for a group of clients. */
interface Group {
  readonly clients: AddressBlocks | undefined;
  readonly users: ReadonlySet<string> | undefined;
  readonly rules: TargetRules;
}

/** The rules for clients: access to the proxy, and the targets of each client. */
export class ClientRules {
  readonly #allow: AddressBlocks | undefined;
  readonly #deny: AddressBlocks | undefined;
  readonly #groups: readonly Group[];
  readonly #others: TargetRules;

  constructor(options: ProxyOptions) {
    const { allowClients, denyClients, clientRules = [] } = options;
    this.#allow = allowClients && new AddressBlocks(allowClients, "allowClients");
    this.#deny = denyClients && new AddressBlocks(denyClients, "denyClients");
    const { localAddress } = options;
    const from = localAddress === undefined
      ? undefined
      : new LocalAddresses("localAddress", localAddress);
    this.#others = new TargetRules(options, from);
    this.#groups = clientRules.map((rule, index) => readGroup(rule, index, options, from));
  }

  /** Returns whether a client may use the proxy. A client without an address is in no list. */
  admits(client: ClientAddress): boolean {
    if (this.#deny?.includes(client)) return false;
    return this.#allow === undefined || this.#allow.includes(client);
  }

  /** Returns the rules for the targets of a client. */
  rulesFor(client: ClientAddress, user: string | undefined): TargetRules {
    for (const { clients, users, rules } of this.#groups) {
      if (clients !== undefined && !clients.includes(client)) continue;
      if (users !== undefined && (user === undefined || !users.has(user))) continue;
      return rules;
    }
    return this.#others;
  }
}

function readGroup(
  rule: ProxyClientRule,
  index: number,
  options: ProxyOptions,
  from: LocalAddresses | undefined,
): Group {
  const { clients, users, deny = [], localAddress } = rule;
  const name = `clientRules[${index}]`;
  if (clients === undefined && users === undefined) {
    throw new TypeError(`${name} must have clients, users or both`);
  }
  const unknown = users?.find((user) => !Object.hasOwn(options.users ?? {}, user));
  if (unknown !== undefined) {
    throw new TypeError(`${name}.users must have names from users, got ${JSON.stringify(unknown)}`);
  }
  const { allow, allowPrivate, connectPorts, requestPorts } = options;
  const own = localAddress === undefined
    ? from
    : new LocalAddresses(`${name}.localAddress`, localAddress);
  return {
    clients: clients && new AddressBlocks(clients, `${name}.clients`),
    users: users && new Set(users),
    rules: new TargetRules(
      {
        allow: rule.allow ?? allow,
        deny: [...options.deny ?? [], ...deny],
        allowPrivate: rule.allowPrivate ?? allowPrivate,
        connectPorts: rule.connectPorts ?? connectPorts,
        requestPorts: rule.requestPorts ?? requestPorts,
      },
      own,
      `rule ${index} `,
    ),
  };
}
