/** The functions of `tools` that read what programs print, or a server sends. @module */

import { parseIfconfig, parseIpAddr, parseIpconfig } from "../../tools/parsers/interfaces.ts";
import { parsePing } from "../../tools/parsers/ping.ts";
import { parseTraceroute, parseTracert } from "../../tools/parsers/traceroute.ts";
import { CertificateReader } from "../../tools/internal/tls12_certificates.ts";
import { bytesOf, type CostRow } from "../_support/cost.ts";

/** How much of an output is looked at. */
const OUTPUT = 256 * 1024;
/** What is tried up to there in any of them. */
const PLAIN = [" ", "a", "1", ".", ":", "\n", "=", "/", "a "];

/** All of them. */
export const ROWS: readonly CostRow[] = [
  {
    name: "parsePing()",
    covers: ["parsePing"],
    limit: OUTPUT,
    around: [
      ["PING a (192.0.2.1) ", "\n"],
      ["PING a (192.0.2.1)\n64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 ", " ms\n"],
      ["PING a (192.0.2.1)\nFrom 192.0.2.1 icmp_seq=1 ", "\n"],
      ["1 packets transmitted, 1 received, 0% packet loss\nrtt = ", "/1/1/1 ms"],
    ],
    units: [
      ...PLAIN,
      "time=1 ",
      "a<1 ",
      "= 1",
      "1/",
      "seq=1 ",
      "192.0.2.1 ",
      "\n(1%",
      "10%",
      "ttl=1 ",
      "+1 ",
      "icmp_seq=1 ttl=1 time=1 ms\n64 bytes from 192.0.2.1: ",
    ],
    run: parsePing,
  },
  {
    name: "parseTraceroute()",
    covers: ["parseTraceroute"],
    limit: OUTPUT,
    around: [["traceroute to a (192.0.2.1)\n 1  ", "\n"], [" 1  a (192.0.2.1) 1 ms\n ", "\n"]],
    units: [
      ...PLAIN,
      "1 ms ",
      "* ",
      "a (192.0.2.1) ",
      "!H ",
      "[AS1] ",
      " 1  *\n",
      "AS1/",
      "1?: ",
      "asymm 1 ",
      "1: a asymm 1 1ms\n ",
      ": 1 ",
    ],
    run: parseTraceroute,
  },
  {
    name: "parseTracert()",
    covers: ["parseTracert"],
    limit: OUTPUT,
    around: [["  1    <1 ms    <1 ms    <1 ms  ", "\n"], ["  1  ", " 1 ms 1 ms a\n"], [
      "  1  192.0.2.1 ",
      "",
    ]],
    units: [...PLAIN, "1 ms ", "* ", "<1 ms ", "  1  * * * a\n", "]"],
    run: parseTracert,
  },
  {
    name: "parseIfconfig()",
    covers: ["parseIfconfig"],
    limit: OUTPUT,
    around: [
      ["eth0: flags=1<UP>  mtu 1500\n  inet ", " netmask 255.0.0.0\n"],
      ["eth0: flags=1<", "> mtu 1\n"],
      ["eth0: flags=1<UP>\n  ether ", "\n"],
      ["eth0  Link\n  UP ", " MTU:1\n"],
    ],
    units: [
      ...PLAIN,
      "192.0.2.1 ",
      "addr:",
      "02:",
      "UP,",
      "UP ",
      "mtu 1 ",
      "inet ",
      "a:1",
      "face:",
      "a: ",
    ],
    run: parseIfconfig,
  },
  {
    name: "parseIpAddr()",
    covers: ["parseIpAddr"],
    limit: OUTPUT,
    around: [
      ["1: lo: <UP> mtu 1\n    inet ", "/8 scope\n"],
      ["1: ", ": <UP> mtu 1\n"],
      ["1: lo: <", "> mtu 1\n"],
      ["1: lo: <UP> mtu 1\n    link/ether ", "\n"],
    ],
    units: [...PLAIN, "02:", "UP,", "mtu 1 ", "inet 192.0.2.1/8 ", " peer ", "@a", "1: a: <UP>\n"],
    run: parseIpAddr,
  },
  {
    name: "parseIpconfig()",
    covers: ["parseIpconfig"],
    limit: OUTPUT,
    around: [
      ["Adapter a:\n   IPv4 Address. . . : ", "\n"],
      ["Adapter ", ":\n"],
      ["Adapter a:\n   ", "\n"],
      ["Adapter a:\n   x ", ": 192.0.2.1\n"],
    ],
    units: [...PLAIN, ". ", " .", ".:", "x . :", "192.0.2.1 ", "A:\n", "   a . : b\n"],
    run: parseIpconfig,
  },
  {
    name: "CertificateReader",
    alphabet: "bytes",
    limit: 128 * 1024,
    around: [
      ["\x16\x03\x03\0\x04\x01\xff\xff\xff", ""],
      ["\x16\x03\x03\xff\xff\x0b\x01\xff\xff\x01\xff\xfc", ""],
    ],
    units: ["\x16\x03\x03\0\0", "\x16\x03\x03\0\x01\0", "\0\0\x01a", "\x01\0\0\0"],
    run: (text) => new CertificateReader().push(bytesOf(text)),
  },
];
