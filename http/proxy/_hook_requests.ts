import type { ClientWatch } from "./_client_watch.ts";
import type { ProxyCore } from "./_proxy_state.ts";
import type { CurrentRequest } from "./_current_request.ts";
import { HookTime } from "./_hook_time.ts";
import type { NextHop } from "./_next_hop.ts";
import type { Target } from "./_target_rules.ts";
import type { ProxyDestination, ProxyRequest } from "./options.ts";

/** Calls the function of the options that chooses the next hop. `client` is the address of the client. */
export function chooseHop(
  core: ProxyCore,
  client: string,
  { hostname, port }: Target,
  current: CurrentRequest,
  attention: ClientWatch,
): Promise<NextHop> {
  const hooks = current.hooks ??= new HookTime();
  const destination: ProxyDestination = {
    method: current.head!.method,
    hostname,
    port,
    client,
    user: current.user,
    get signal() {
      return hooks.signal;
    },
  };
  return core.hops.ask(destination, (answer) => hooks.within(core, "upstream", answer, attention));
}

/** Returns a request for the hooks; undefined without hooks. `client` is the address of the client. */
export function hookRequest(
  { options }: ProxyCore,
  client: string,
  { hostname, port }: Target,
  current: CurrentRequest,
): ProxyRequest | undefined {
  if (options.onRequest === undefined && options.onResponse === undefined) return undefined;
  const hooks = current.hooks ??= new HookTime();
  const { method, target, fields } = current.head!;
  return {
    method,
    target,
    hostname,
    port,
    fields,
    client,
    user: current.user,
    get signal() {
      return hooks.signal;
    },
  };
}
