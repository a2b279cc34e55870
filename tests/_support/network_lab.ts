/**
 * A network of this machine's own: a client (10.77.1.2), a router (10.77.1.1, 10.77.2.1) and a host
 * (10.77.2.2), each in a namespace. Nothing leaves it. It needs neither root nor netem.
 *
 * @module
 */

import { type Availability, needs, needsNamespaces } from "./peers.ts";

/** Creates the network. `rule WORDS` filters what the router forwards; `on_router`, `on_host` run there. */
const SETUP = `
set -e
mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip link set lo up
ip netns add router
ip netns add host
on_router() { ip netns exec router "$@"; }
on_host() { ip netns exec host "$@"; }
ip link add c0 type veth peer name r0 netns router
on_router ip link add r1 type veth peer name h0 netns host
ip addr add 10.77.1.2/24 dev c0
ip link set c0 up
on_router ip addr add 10.77.1.1/24 dev r0
on_router ip addr add 10.77.2.1/24 dev r1
for one in lo r0 r1; do on_router ip link set $one up; done
on_host ip addr add 10.77.2.2/24 dev h0
for one in lo h0; do on_host ip link set $one up; done
on_host ip route add default via 10.77.2.1
ip route add default via 10.77.1.1
on_router sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'
rule() {
  on_router nft flush ruleset
  on_router nft "add table ip f; add chain ip f c { type filter hook forward priority 0; }"
  on_router nft add rule ip f c "$@"
}
`;

/** Returns whether the network can be made here, and these programs exist. */
export function needsLab(...programs: string[]): Availability {
  const found = needs("nft", ...programs);
  return found.ignore ? found : needsNamespaces(`${SETUP}\nrule drop`);
}

/** Runs a script of `sh` in the network, and returns its output. It must end by itself. */
export async function inLab(script: string): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command("unshare", {
    args: ["-rnm", "sh", "-c", `${SETUP}\nset +e\n${script}`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`${text}\n${new TextDecoder().decode(stderr)}`);
  return text;
}
