/** The smart HTTP protocol of git behind any HTTP server: a handler that runs `git http-backend`. @module */

import { findProgram } from "./peers.ts";

/**
 * Returns a handler that serves the repositories in a folder by `git http-backend`, as a CGI
 * program (RFC 3875).
 *
 * @param root The folder with the repositories.
 */
export function gitBackend(root: string): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname, search } = new URL(request.url);
    const header = (name: string) => request.headers.get(name) ?? "";
    const child = new Deno.Command(findProgram("git")!, {
      args: ["http-backend"],
      env: {
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: "1",
        GIT_PROTOCOL: header("git-protocol"),
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: header("content-type"),
        HTTP_CONTENT_ENCODING: header("content-encoding"),
        REMOTE_USER: "tester",
        REMOTE_ADDR: "127.0.0.1",
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const body = request.body ?? new ReadableStream({ start: (stream) => stream.close() });
    // The program may end before it has read everything; its answer says why.
    const fed = body.pipeTo(child.stdin).catch(() => {});
    const { status, headers, rest } = await readHead(child.stdout);
    const ended = Promise.all([fed, child.status]);
    return new Response(
      rest.pipeThrough(
        new TransformStream({
          flush: async () => {
            await ended;
          },
        }),
      ),
      { status, headers },
    );
  };
}

/** Reads the header lines that a CGI program writes, up to the empty line. */
async function readHead(
  stdout: ReadableStream<Uint8Array>,
): Promise<{ status: number; headers: Headers; rest: ReadableStream<Uint8Array> }> {
  const reader = stdout.getReader();
  let bytes = new Uint8Array();
  let end = -1;
  while (end < 0) {
    const { value, done } = await reader.read();
    if (done) return { status: 500, headers: new Headers(), rest: ReadableStream.from([]) };
    const more = new Uint8Array(bytes.length + value.length);
    more.set(bytes);
    more.set(value, bytes.length);
    bytes = more;
    end = new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n");
  }
  const lines = new TextDecoder("latin1").decode(bytes.subarray(0, end)).split("\r\n");
  const headers = new Headers(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  }));
  const status = Number.parseInt(headers.get("status") ?? "200");
  headers.delete("status");
  const first = bytes.subarray(end + 4);
  const rest = new ReadableStream<Uint8Array>({
    start(stream) {
      if (first.length > 0) stream.enqueue(first);
    },
    async pull(stream) {
      const { value, done } = await reader.read();
      if (done) stream.close();
      else stream.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { status, headers, rest };
}
