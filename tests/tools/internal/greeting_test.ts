import { assertEquals } from "@std/assert";
import { identifyGreeting } from "../../../tools/internal/greeting.ts";

/** The bytes of a text, one byte a character. */
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

Deno.test("identifyGreeting() recognises protocols by their first bytes", () => {
  const rows: [bytes: string, protocol: string, detail: string][] = [
    ["SSH-2.0-OpenSSH_9.6\r\n", "SSH", "OpenSSH_9.6"],
    ["HTTP/1.1 200 OK\r\nDate: x\r\nServer: nginx\r\n\r\n", "HTTP", "nginx"],
    ["HTTP/1.0 400 Bad\r\n\r\n", "HTTP", ""],
    ["220 mail.test ESMTP\r\n", "SMTP", "mail.test ESMTP"],
    ["220 (vsFTPd 3.0.5)\r\n", "FTP", "(vsFTPd 3.0.5)"],
    ["554 no\r\n", "SMTP or FTP, which refuses this client", "no"],
    ["220 hello\r\n", "SMTP or FTP", "hello"],
    ["* OK ready\r\n", "IMAP", "ready"],
    ["+OK\r\n", "POP3", ""],
    ["-NOAUTH Authentication required.\r\n", "Redis", "Authentication required."],
    ["SSH-2.0-a\x1b[2J\r\n", "SSH", "a\\x1B[2J"],
    // A packet of MySQL (version 10), and one with an error.
    ["\x4a\0\0\0\x0a8.0.36\0more", "MySQL", "8.0.36"],
    ["\x10\0\0\0\xff\x6a\x04Host is blocked", "MySQL", ""],
    ["\xff\xfd\x18", "telnet", ""], // IAC DO TERMINAL-TYPE (RFC 854)
    ["\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64", "HTTP/2", ""],
    ["\x15\x03\x01\0\x02\x02\x46", "TLS", ""],
    ["E\0\0\0\x2eSFATAL\0VFATAL\0C08P01\0", "PostgreSQL", ""],
  ];
  for (const [bytes, protocol, detail] of rows) {
    const found = identifyGreeting(latin1(bytes));
    assertEquals([found?.protocol, found?.detail], [protocol, detail], JSON.stringify(bytes));
  }
});

Deno.test("identifyGreeting() returns undefined for what it does not know", () => {
  const unknown = [
    "",
    "hello\r\n",
    // The length of a packet of MySQL, and the stream of SETTINGS, are wrong.
    "\0\0\0\0\x0a8.0.36\0",
    "\0\0\x06\x04\0\0\0\0\x01\0\x03\0\0\0\x64",
    "\xff\xfa\x18",
    "E\0\0\0\x2ehello",
  ];
  for (const bytes of unknown) assertEquals(identifyGreeting(latin1(bytes)), undefined, bytes);
});
