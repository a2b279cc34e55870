/**
 * What load.c does, where there is no C compiler. It costs several times the CPU, so it is run in
 * several processes, each of which does its share; of the chat the first one has the sender.
 *
 * **Permissions**: `--allow-net=127.0.0.1`
 *
 * @module
 */

const TEXT = "the quick brown fox jumps over it";
/** Joining is over when nothing has come for so long, in milliseconds. */
const QUIET = 300;

/** A read cannot be cancelled: the next reader of the connection has to take it over. */
interface PendingRead {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly read: Promise<number | null>;
}

const pendingReads = new WeakMap<Deno.Conn, PendingRead>();

const encoder = new TextEncoder();
const input = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();

const [limit = 60, , port = 0, first = 0, second = 0, third = 0, fourth = 0] = Deno.args.map(
  Number,
);
Deno.unrefTimer(setTimeout(() => fail(`not done in ${limit} s`), limit * 1000));

/** The certificate of the authority of a server that speaks TLS. */
const ca = Deno.args[7];

switch (Deno.args[1]) {
  case "echo":
    await echo(first, second, third, fourth, false);
    break;
  case "accept":
    await echo(first, second, third, fourth, true);
    break;
  case "chat":
    await chat(first, second, third, fourth);
    break;
  case "idle":
    await idle(first, "hello\n");
    break;
  case "http-idle":
    await idle(first, "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    break;
  default:
    fail(`${Deno.args[1]} is measured with the native load generator alone: install a C compiler`);
}
await waitGo();

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}

/** Waits for the word to go on; without one there is nothing left to do. */
async function waitGo(): Promise<void> {
  const { done } = await input.read();
  if (done) Deno.exit(0);
}

async function open(): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay();
  if (!ca) return conn;
  const tls = await Deno.startTls(conn, { hostname: "127.0.0.1", caCerts: [ca] });
  await tls.handshake();
  return tls;
}

function openAll(count: number): Promise<Deno.Conn[]> {
  return Promise.all(Array.from({ length: count }, open));
}

async function writeAll(conn: Deno.Conn, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) at += await conn.write(data.subarray(at));
}

async function echo(
  count: number,
  size: number,
  warmup: number,
  measure: number,
  reopen: boolean,
): Promise<void> {
  const message = Uint8Array.from({ length: size }, (_, i) => 97 + i % 26);
  if (reopen) message[size - 1] = 10;
  const conns = await openAll(count);
  let trips = 0;
  let checking = true;
  const one = async (first: Deno.Conn) => {
    let conn = first;
    const buffer = new Uint8Array(size);
    while (true) {
      const written = writeAll(conn, message);
      for (let got = 0, n; got < size; got += n) {
        n = await conn.read(buffer.subarray(got)) ?? fail("the server closed a connection");
      }
      await written;
      if (checking && buffer.some((byte, i) => byte !== message[i])) fail("what came back differs");
      trips++;
      if (!reopen) continue;
      conn.close();
      conn = await open();
    }
  };
  for (const conn of conns) one(conn).catch((error) => fail(String(error)));
  await new Promise((resolve) => setTimeout(resolve, warmup));
  checking = false;
  console.log("begin");
  const [before, begin] = [trips, performance.now()];
  await new Promise((resolve) => setTimeout(resolve, measure));
  tell("end", trips - before, performance.now() - begin);
}

async function chat(
  listeners: number,
  lines: number,
  warmup: number,
  process: number,
): Promise<void> {
  const conns = await openAll(listeners);
  const sender = process === 0 ? (await openAll(1))[0] : undefined;
  const everyone = [...conns, ...sender === undefined ? [] : [sender]];
  const names = everyone.map((conn, i) => conn === sender ? "sender" : `listener${process}-${i}`);
  await Promise.all(everyone.map((conn, i) => writeAll(conn, encoder.encode(`${names[i]}\n`))));
  await Promise.all(everyone.map(untilQuiet));
  console.log("joined");
  await waitGo();
  const broadcast = async (from: number, count: number, go: () => Promise<void>) => {
    const expected = makeLines("sender: ", from, count);
    const heard = conns.map((conn, i) => hear(conn, i, expected));
    await go();
    const begin = performance.now();
    if (sender !== undefined) await writeAll(sender, makeLines("", from, count));
    await Promise.all(heard);
    return begin;
  };
  if (sender !== undefined) discard(sender);
  const first = await broadcast(0, warmup, async () => {});
  const took = performance.now() - first;
  const begin = await broadcast(warmup, lines, async () => {
    tell("first", listeners * warmup, took);
    await waitGo();
  });
  tell("end", listeners * lines, performance.now() - begin);
}

function startRead(conn: Deno.Conn, buffer = new Uint8Array(65536)): PendingRead {
  const pending = pendingReads.get(conn);
  pendingReads.delete(conn);
  return pending ?? { buffer, read: conn.read(buffer) };
}

/** Reads greetings and notices until nothing comes any more. */
async function untilQuiet(conn: Deno.Conn): Promise<void> {
  while (true) {
    const pending = startRead(conn);
    const { promise, resolve } = Promise.withResolvers<"quiet">();
    const timer = setTimeout(() => resolve("quiet"), QUIET);
    if (await Promise.race([pending.read, promise]) === "quiet") {
      pendingReads.set(conn, pending);
      return;
    }
    clearTimeout(timer);
  }
}

async function hear(conn: Deno.Conn, which: number, expected: Uint8Array): Promise<void> {
  let reuse: Uint8Array<ArrayBuffer> | undefined;
  for (let got = 0; got < expected.length;) {
    const { buffer, read }: PendingRead = startRead(conn, reuse);
    const n = await read ?? fail(`listener ${which}: the server closed it after ${got} bytes`);
    for (let i = 0; i < n; i++) {
      if (buffer[i] !== expected[got + i]) fail(`listener ${which}: wrong at byte ${got + i}`);
    }
    got += n;
    reuse = buffer;
  }
}

async function discard(conn: Deno.Conn): Promise<void> {
  while (await startRead(conn).read !== null);
}

function makeLines(prefix: string, from: number, count: number): Uint8Array {
  const number = (i: number) => String(from + i).padStart(5, "0");
  return encoder.encode(
    Array.from({ length: count }, (_, i) => `${prefix}${number(i)} ${TEXT}\n`).join(""),
  );
}

/** A line is answered by a line, a request by an answer that ends with a brace. */
async function idle(count: number, text: string): Promise<void> {
  const end = text.startsWith("GET") ? 0x7d : 0x0a;
  const conns = await openAll(count);
  console.log("ready");
  await waitGo();
  await Promise.all(conns.map(async (conn) => {
    await writeAll(conn, encoder.encode(text));
    const buffer = new Uint8Array(1024);
    for (let last = 0; last !== end;) {
      last = buffer[(await conn.read(buffer) ?? fail("the server closed a connection")) - 1] ?? 0;
    }
  }));
  console.log("said");
}

function tell(event: string, count: number, ms: number): void {
  console.log(`${event} ${JSON.stringify({ count, ns: Math.round(ms * 1e6) })}`);
}
