/**
 * Names of TCP services, and the most common open ports. The names are from the IANA Service Name and
 * Transport Protocol Port Number Registry (RFC 6335), as of 2024-06 with additions.
 *
 * @module
 */

import registry from "./_iana_services.json" with { type: "json" };

/**
 * The most common open ports, the most common first. This project made the list by hand, by the
 * services of current hosts: web, remote access, mail, names, files, databases, queues, operation.
 */
const COMMON = `
  443, 80, 22, 25, 53, 3389, 445, 139, 135, 21, 993, 995, 587, 465, 143, 110, 8080, 3306, 5432,
  6379, 8443, 23, 5900, 111, 2049, 27017, 1433, 1521, 389, 636, 88, 8000, 8888, 9200, 9000, 5000,
  3000, 9090, 1883, 8883, 5672, 5671, 631, 9100, 515, 5060, 5061, 1723, 873, 3128, 1080, 8081,
  8008, 5222, 5269, 548, 554, 179, 49, 464, 3268, 3269, 5985, 5986, 2375, 2376, 2379, 2380, 6443,
  10000, 11211, 9042, 7000, 9092, 2181, 4369, 15672, 50000, 8009, 8161, 61616, 6667, 6697, 194,
  119, 563, 43, 79, 113, 7, 9, 13, 17, 19, 37, 20, 989, 990, 992, 70, 109, 220, 512, 513, 514,
  543, 544, 2000, 3690, 9418, 5353, 853, 1194, 1701, 1812, 4500, 5004, 5005, 5357, 5555, 5666,
  5667, 10050, 10051, 161, 162, 199, 427, 444, 593, 902, 1025, 1099, 1352, 1434, 1494, 1720, 1935,
  2082, 2083, 2086, 2087, 2121, 2222, 2483, 2484, 2628, 3050, 3260, 3478, 3479, 3868, 4000, 4443,
  4444, 4848, 4899, 5001, 5003, 5051, 5190, 5349, 5351, 5400, 5500, 5550, 5601, 5631, 5800, 5901,
  5984, 6000, 6001, 6066, 6112, 6514, 6566, 6646, 7001, 7070, 7077, 7199, 7443, 7474, 7777, 8001,
  8002, 8010, 8020, 8025, 8082, 8083, 8086, 8087, 8088, 8089, 8090, 8091, 8100, 8123, 8140, 8181,
  8200, 8222, 8291, 8333, 8400, 8500, 8600, 8834, 8880, 8983, 9001, 9002, 9009, 9043, 9080, 9091,
  9093, 9160, 9300, 9389, 9443, 9990, 9999, 10001, 10250, 11371, 12345, 16992, 20000, 25565,
  25672, 26257, 27018, 28017, 32400, 33060, 47808, 49152, 49153, 49154, 50070, 51820, 55443,
  60000, 62078`.split(",").map(Number);

const names = new Map<number, string>();
const ports = new Map<string, number>();

/** Reads the registry at the first use. */
function read(): void {
  if (names.size > 0) return;
  for (const entry of registry.flatMap((line) => line.split(","))) {
    const [number, ...aliases] = entry.split(" ");
    const port = Number(number);
    names.set(port, aliases[0]!);
    for (const alias of aliases) if (!ports.has(alias)) ports.set(alias, port);
  }
}

/** Returns the registered name of a port. */
export function serviceOf(port: number): string | undefined {
  read();
  return names.get(port);
}

/** Returns the port of a service by one of its registered names. */
export function portOf(service: string): number | undefined {
  read();
  return ports.get(service);
}

/** Returns the most common ports, followed by the other ports in numeric order. */
export function topPorts(count: number): number[] {
  const top = COMMON.slice(0, count);
  const known = new Set(top);
  for (let port = 1; top.length < count; port++) if (!known.has(port)) top.push(port);
  return top;
}
