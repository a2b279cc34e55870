import { assertEquals, assertRejects } from "@std/assert";
import { connectToFirst } from "../../../net/internal/happy_eyeballs.ts";

/** A connection that records whether it has been closed. */
class Opened {
  isClosed = false;
  constructor(readonly address: string) {}
  close(): void {
    this.isClosed = true;
  }
}

const never = new AbortController().signal;

Deno.test("connectToFirst() returns the connection to the first address", async () => {
  const asked: string[] = [];
  const connect = (address: string) => {
    asked.push(address);
    return Promise.resolve(new Opened(address));
  };
  assertEquals((await connectToFirst(["a"], never, connect)).address, "a");
  assertEquals((await connectToFirst(["b", "c"], never, connect)).address, "b");
  assertEquals(asked, ["a", "b"]);
});

Deno.test("connectToFirst() tries the next address when one fails", async () => {
  const connect = (address: string) =>
    address === "c" ? Promise.resolve(new Opened(address)) : Promise.reject(new Error(address));
  assertEquals((await connectToFirst(["a", "b", "c"], never, connect)).address, "c");
});

Deno.test("connectToFirst() tries the next address when one is slow, and ends the slow one", async () => {
  const slow = Promise.withResolvers<Opened>();
  let ended = false;
  const connection = await connectToFirst(["slow", "quick"], never, (address, own) => {
    if (address === "quick") return Promise.resolve(new Opened(address));
    own.addEventListener("abort", () => ended = true);
    return slow.promise;
  });
  assertEquals([connection.address, connection.isClosed, ended], ["quick", false, true]);
  const late = new Opened("slow");
  slow.resolve(late);
  await slow.promise;
  await Promise.resolve();
  assertEquals(late.isClosed, true);
});

Deno.test("connectToFirst() closes the second of two connections that open together", async () => {
  const opened: Opened[] = [];
  const both = Promise.withResolvers<void>();
  const connect = async (address: string) => {
    if (address === "b") both.resolve();
    await both.promise;
    const connection = new Opened(address);
    opened.push(connection);
    return connection;
  };
  const connection = await connectToFirst(["a", "b"], never, connect);
  assertEquals(opened.map(({ isClosed }) => isClosed).sort(), [false, true]);
  assertEquals(connection.isClosed, false);
});

Deno.test("connectToFirst() throws the error of the first address if all fail", async () => {
  const connect = (address: string) => Promise.reject<Opened>(new Error(address));
  await assertRejects(() => connectToFirst(["a"], never, connect), Error, "a");
  await assertRejects(() => connectToFirst(["a", "b"], never, connect), Error, "a");
});

Deno.test("connectToFirst() throws the reason of an abort, and ends all attempts", async () => {
  const stop = new AbortController();
  const waiting = connectToFirst(["a", "b"], stop.signal, (_, own) => {
    const { promise, reject } = Promise.withResolvers<Opened>();
    own.addEventListener("abort", () => reject(own.reason));
    return promise;
  });
  stop.abort(new Error("stopped"));
  await assertRejects(() => waiting, Error, "stopped");
});
