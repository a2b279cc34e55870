/** `tools/parsers/interfaces.ts`: ifconfig old and new, ip addr, ipconfig; samples of our own. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseIfconfig, parseIpAddr, parseIpconfig } from "../../../tools/parsers/interfaces.ts";

const NOTHING = { mac: undefined, mtu: undefined, addresses: [], gateways: [], nameServers: [] };

Deno.test("parseIfconfig() reads the new format of Linux", () => {
  assertEquals(
    parseIfconfig(`eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.0.2.7  netmask 255.255.240.0  broadcast 192.0.15.255
        inet6 fe80::7  prefixlen 64  scopeid 0x20<link>
        ether 02:00:00:00:00:07  txqueuelen 1000  (Ethernet)
        RX packets 10  bytes 1000 (1000.0 B)

lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536
        inet 127.0.0.1  netmask 255.0.0.0
        inet6 ::1  prefixlen 128  scopeid 0x10<host>
        loop  txqueuelen 1000  (Local Loopback)

wg0: flags=144<POINTOPOINT,NOARP>  mtu 1420
        inet 192.0.2.9  netmask 255.255.255.255  destination 192.0.2.9
`),
    [
      {
        ...NOTHING,
        name: "eth0",
        up: true,
        loopback: false,
        mac: "02:00:00:00:00:07",
        mtu: 1500,
        addresses: [
          { address: "192.0.2.7", family: 4, prefix: 20 },
          { address: "fe80::7", family: 6, prefix: 64 },
        ],
      },
      {
        ...NOTHING,
        name: "lo",
        up: true,
        loopback: true,
        mtu: 65536,
        addresses: [
          { address: "127.0.0.1", family: 4, prefix: 8 },
          { address: "::1", family: 6, prefix: 128 },
        ],
      },
      {
        ...NOTHING,
        name: "wg0",
        up: false,
        loopback: false,
        mtu: 1420,
        addresses: [{ address: "192.0.2.9", family: 4, prefix: 32 }],
      },
    ],
  );
});

Deno.test("parseIfconfig() keeps addresses with groups that look like a label", () => {
  const [en5] = parseIfconfig(`en5: flags=8863<UP,BROADCAST,RUNNING> mtu 1500
\tether ac:de:48:00:11:22
\tinet6 fe80::aede:48ff:fe00:1122%en5 prefixlen 64 scopeid 0x7
\tinet6 2001:db8:cafe:1::7 prefixlen 64
\tinet6 face:b00c::1/64
\tinet6 addr:dead::beef/48 Scope:Global
\tinet6-Adresse: fade::cafe/32 Scope:Global
`);
  assertEquals(en5?.addresses.map(({ address, prefix }) => `${address}/${prefix}`), [
    "fe80::aede:48ff:fe00:1122%en5/64",
    "2001:db8:cafe:1::7/64",
    "face:b00c::1/64",
    "dead::beef/48",
    "fade::cafe/32",
  ]);
  assertEquals(en5?.mac, "ac:de:48:00:11:22");
});

Deno.test("parseIfconfig() reads the old format of BusyBox in English, German and French", () => {
  const samples = [
    `eth0      Link encap:Ethernet  HWaddr 02:00:00:00:00:07
          inet addr:192.0.2.7  Bcast:192.0.2.255  Mask:255.255.255.0
          inet6 addr: fe80::7/64 Scope:Link
          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1`,
    `eth0      Protokoll:Ethernet  Hardware Adresse 02:00:00:00:00:07
          inet Adresse:192.0.2.7  Bcast:192.0.2.255  Maske:255.255.255.0
          inet6-Adresse: fe80::7/64 Gültigkeitsbereich:Verbindung
          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metrik:1`,
    `eth0      Link encap:Ethernet  HWaddr 02:00:00:00:00:07
          inet adr:192.0.2.7  Bcast:192.0.2.255  Masque:255.255.255.0
          adr inet6: fe80::7/64 Scope:Lien
          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1`,
  ];
  for (const sample of samples) {
    assertEquals(parseIfconfig(sample), [{
      ...NOTHING,
      name: "eth0",
      up: true,
      loopback: false,
      mac: "02:00:00:00:00:07",
      mtu: 1500,
      addresses: [
        { address: "192.0.2.7", family: 4, prefix: 24 },
        { address: "fe80::7", family: 6, prefix: 64 },
      ],
    }]);
  }
});

Deno.test("parseIfconfig() reads macOS and FreeBSD", () => {
  const [lo0, en0, gif0] = parseIfconfig(`lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\toptions=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>
\tinet 127.0.0.1 netmask 0xff000000
\tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tether 02:00:00:00:00:07
\tinet6 2001:db8::7 prefixlen 64 autoconf secured
\tinet 192.0.2.7 netmask 0xffffff00 broadcast 192.0.2.255
\tmedia: autoselect
\tstatus: active
gif0: flags=8010<POINTOPOINT,MULTICAST> mtu 1280
`);
  assertEquals(lo0?.addresses.map(({ prefix }) => prefix), [8, 64]);
  assertEquals([en0?.mac, en0?.addresses.length, en0?.addresses[1]?.prefix], [
    "02:00:00:00:00:07",
    2,
    24,
  ]);
  assertEquals([gif0?.name, gif0?.up, gif0?.mtu], ["gif0", false, 1280]);
});

Deno.test("parseIfconfig() reads OpenBSD and NetBSD", () => {
  const samples = [
    `em0: flags=808843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST,AUTOCONF4> mtu 1500
\tlladdr 02:00:00:00:00:07
\tindex 1 priority 0 llprio 3
\tmedia: Ethernet autoselect (1000baseT full-duplex)
\tinet 192.0.2.7 netmask 0xffffff00 broadcast 192.0.2.255
\tinet6 fe80::7%em0 prefixlen 64 scopeid 0x1`,
    `em0: flags=0x8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tcapabilities=0x7ff80<TSO4,IP4CSUM_Rx>
\taddress: 02:00:00:00:00:07
\tinet 192.0.2.7/24 broadcast 192.0.2.255 flags 0
\tinet6 fe80::7%em0/64 flags 0 scopeid 0x1`,
  ];
  for (const sample of samples) {
    assertEquals(parseIfconfig(sample), [{
      ...NOTHING,
      name: "em0",
      up: true,
      loopback: false,
      mac: "02:00:00:00:00:07",
      mtu: 1500,
      addresses: [
        { address: "192.0.2.7", family: 4, prefix: 24 },
        { address: "fe80::7%em0", family: 6, prefix: 64 },
      ],
    }]);
  }
});

Deno.test("parseIpAddr() reads iproute2: pairs, peers, several addresses", () => {
  assertEquals(
    parseIpAddr(
      `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
12: eth0@if13: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default
    link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff link-netnsid 0
    inet 192.0.2.7/16 brd 192.0.255.255 scope global eth0
    inet6 fe80::7/64 scope link
14: tun0: <POINTOPOINT,NOARP> mtu 1400 qdisc noop state DOWN
    link/none
    inet 192.0.2.8 peer 192.0.2.9/32 scope global tun0
`,
    ),
    [
      {
        ...NOTHING,
        name: "lo",
        up: true,
        loopback: true,
        mtu: 65536,
        addresses: [{ address: "127.0.0.1", family: 4, prefix: 8 }],
      },
      {
        ...NOTHING,
        name: "eth0",
        up: true,
        loopback: false,
        mac: "02:00:00:00:00:07",
        mtu: 1500,
        addresses: [
          { address: "192.0.2.7", family: 4, prefix: 16 },
          { address: "fe80::7", family: 6, prefix: 64 },
        ],
      },
      {
        ...NOTHING,
        name: "tun0",
        up: false,
        loopback: false,
        mtu: 1400,
        addresses: [{ address: "192.0.2.8", family: 4, prefix: 32 }],
      },
    ],
  );
});

/** The rows of one adapter in the output of `ipconfig /all`, by their meaning. */
const IPCONFIG = {
  English: [
    "Ethernet adapter Ethernet:",
    "Physical Address",
    "DHCP Enabled",
    "Link-local IPv6 Address",
    "Preferred",
    "IPv4 Address",
    "Subnet Mask",
    "Lease Obtained",
    "Default Gateway",
    "DHCP Server",
    "DHCPv6 IAID",
    "DNS Servers",
  ],
  German: [
    "Ethernet-Adapter Ethernet:",
    "Physische Adresse",
    "DHCP aktiviert",
    "Verbindungslokale IPv6-Adresse",
    "Bevorzugt",
    "IPv4-Adresse",
    "Subnetzmaske",
    "Lease erhalten",
    "Standardgateway",
    "DHCP-Server",
    "DHCPv6-IAID",
    "DNS-Server",
  ],
  French: [
    "Carte Ethernet Ethernet :",
    "Adresse physique",
    "DHCP activé",
    "Adresse IPv6 de liaison locale",
    "préféré",
    "Adresse IPv4",
    "Masque de sous-réseau",
    "Bail obtenu",
    "Passerelle par défaut",
    "Serveur DHCP",
    "IAID DHCPv6",
    "Serveurs DNS",
  ],
  Spanish: [
    "Adaptador de Ethernet Ethernet:",
    "Dirección física",
    "DHCP habilitado",
    "Vínculo: dirección IPv6 local",
    "Preferido",
    "Dirección IPv4",
    "Máscara de subred",
    "Concesión obtenida",
    "Puerta de enlace predeterminada",
    "Servidor DHCP",
    "IAID DHCPv6",
    "Servidores DNS",
  ],
  Russian: [
    "Адаптер Ethernet Ethernet:",
    "Физический адрес",
    "DHCP включен",
    "Локальный IPv6-адрес канала",
    "Основной",
    "IPv4-адрес",
    "Маска подсети",
    "Аренда получена",
    "Основной шлюз",
    "DHCP-сервер",
    "IAID DHCPv6",
    "DNS-серверы",
  ],
  Japanese: [
    "イーサネット アダプター イーサネット:",
    "物理アドレス",
    "DHCP 有効",
    "リンクローカル IPv6 アドレス",
    "優先",
    "IPv4 アドレス",
    "サブネット マスク",
    "リース取得",
    "デフォルト ゲートウェイ",
    "DHCP サーバー",
    "DHCPv6 IAID",
    "DNS サーバー",
  ],
  Chinese: [
    "以太网适配器 以太网:",
    "物理地址",
    "DHCP 已启用",
    "本地链接 IPv6 地址",
    "首选",
    "IPv4 地址",
    "子网掩码",
    "获得租约的时间",
    "默认网关",
    "DHCP 服务器",
    "DHCPv6 IAID",
    "DNS 服务器",
  ],
};

for (const [language, words] of Object.entries(IPCONFIG)) {
  const [head, mac, enabled, six, preferred, four, mask, lease, gateway, dhcp, iaid, dns] = words;
  const row = (label: string | undefined, value: string) =>
    `   ${label}. . . . . . . . . . . : ${value}`;
  const output = [
    "",
    "Windows",
    "",
    row("PC", "DESKTOP-7"),
    "",
    head,
    "",
    row("…", "home.test"),
    row("…", "Some(R) Adapter 10.0.0"),
    row(mac, "02-00-00-00-00-07"),
    row(enabled, "Yes"),
    row(six, `fe80::7%11(${preferred})`),
    row(four, `192.0.2.7(${preferred})`),
    row(mask, "255.255.255.0"),
    row(lease, "2026-11-23 10:00:00"),
    row(gateway, "fe80::1%11"),
    "                                       192.0.2.1",
    row(dhcp, "192.0.2.2"),
    row(iaid, "100687111"),
    row("DHCPv6 DUID", "00-01-00-01-2A-2B-2C-2D-02-00-00-00-00-07"),
    row(dns, "192.0.2.53"),
    "                                       2001:db8::53",
    row("NetBIOS", "Yes"),
    "",
  ].join("\r\n");
  const adapter = {
    name: head?.replace(/\s*:$/, ""),
    up: true,
    loopback: false,
    mac: "02:00:00:00:00:07",
    mtu: undefined,
    addresses: [
      { address: "fe80::7%11", family: 6 as const, prefix: undefined },
      { address: "192.0.2.7", family: 4 as const, prefix: 24 },
    ],
    gateways: ["fe80::1%11", "192.0.2.1"],
    nameServers: ["192.0.2.53", "2001:db8::53"],
  };
  Deno.test(`parseIpconfig() reads /all in ${language}, in any code page`, () => {
    assertEquals(parseIpconfig(output), [adapter] as unknown);
    const bytes = Uint8Array.from(output, (c) => c < "\x80" ? c.charCodeAt(0) : 0x84);
    const [found] = parseIpconfig(bytes);
    assertEquals({ ...found, name: "" }, { ...adapter, name: "" } as unknown);
  });
}

Deno.test("parseIpconfig() reads the short form, and an adapter without a cable", () => {
  const [wifi, cable] = parseIpconfig(`
Windows IP Configuration

Wireless LAN adapter Wi-Fi:

   Connection-specific DNS Suffix  . : home.test
   Link-local IPv6 Address . . . . . : fe80::7%11
   IPv4 Address. . . . . . . . . . . : 192.0.2.7
   Subnet Mask . . . . . . . . . . . : 255.255.255.0
   Default Gateway . . . . . . . . . :
                                       192.0.2.1

Ethernet adapter Ethernet:

   Media State . . . . . . . . . . . : Media disconnected
   Connection-specific DNS Suffix  . :
`);
  assertEquals(wifi?.addresses.map(({ address }) => address), ["fe80::7%11", "192.0.2.7"]);
  assertEquals(wifi?.gateways, ["192.0.2.1"]);
  assertEquals([cable?.name, cable?.up, cable?.addresses], [
    "Ethernet adapter Ethernet",
    false,
    [],
  ]);
});

Deno.test("the parsers of interfaces accept any bytes", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "eth0:",
      "flags=1<UP>",
      "inet",
      "192.0.2.7/24",
      "255.0.0.0",
      "\n",
      "\n ",
      ". . :",
      "mtu 1",
      "\x1b",
    ),
    fc.string(),
  );
  fc.assert(fc.property(
    fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(piece).map((all) => all.join(" "))),
    (output) => {
      for (const parse of [parseIfconfig, parseIpAddr, parseIpconfig]) {
        for (const { name, addresses } of parse(output)) {
          assertEquals(/\p{Cc}/u.test(name), false);
          for (const { prefix } of addresses) {
            assertEquals(prefix === undefined || prefix <= 999, true);
          }
        }
      }
    },
  ));
});
