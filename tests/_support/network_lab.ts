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

/**
 * A program of Python that keeps each packet from the client to the host for a time, in seconds. The router
 * passes them on through two TUN devices. netem would do the same, but few containers have it.
 */
const DELAY = `
import fcntl, os, select, struct, sys, time, collections
def tun(name):
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, 0x400454ca, struct.pack("16sH", name, 0x1001))
    return file
source, target = tun(b"ta"), tun(b"tb")
print("ready", flush=True)
waiting, delay = collections.deque(), float(sys.argv[1])
while True:
    rest = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    if select.select([source], [], [], rest)[0]:
        waiting.append((time.monotonic() + delay, os.read(source, 65536)))
    while waiting and waiting[0][0] <= time.monotonic():
        os.write(target, waiting.popleft()[1])
`;

/** Returns shell commands that delay packets to the host by so many seconds, until `kill $delaying`. */
export function delayed(seconds: number): string {
  return `
cat > /run/netns/delay.py <<'END'${DELAY}END
mkfifo /run/netns/ready
(exec ip netns exec router python3 /run/netns/delay.py ${seconds} > /run/netns/ready 2> /dev/null) &
delaying=$!
read word < /run/netns/ready
for one in tb ta; do
  on_router ip link set $one up
  on_router sh -c "echo 0 > /proc/sys/net/ipv4/conf/$one/rp_filter"
done
on_router sh -c 'echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter'
on_router ip rule add iif tb lookup 100
on_router ip route add 10.77.2.0/24 dev r1 table 100
on_router ip route replace 10.77.2.0/24 dev ta
`;
}

/** Returns whether the network can be made here, and these programs exist. */
export function needsLab(...programs: string[]): Availability {
  return needsScript("rule drop", "nft", ...programs);
}

/** Returns whether packets can be delayed here, too. */
export function needsDelays(...programs: string[]): Availability {
  return needsScript(`${delayed(0)}\nkill $delaying`, "python3", ...programs);
}

function needsScript(script: string, ...programs: string[]): Availability {
  const found = needs(...programs);
  return found.ignore ? found : needsNamespaces(`${SETUP}\n${script}`);
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
