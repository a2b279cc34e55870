/** JSON answers to GET and POST by bare `Deno.serve`. Two arguments: files of a certificate and its key. @module */

const [cert, key] = Deno.args.map((file) => Deno.readTextFileSync(file));
const secure = cert === undefined || key === undefined ? {} : { cert, key };

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  ...secure,
  onListen: ({ port }) =>
    console.log(`listening on http${cert === undefined ? "" : "s"}://127.0.0.1:${port}`),
}, (request) => {
  if (request.method !== "POST") return Response.json({ message: "Hello, World!" });
  return request.json().then(({ message }) => Response.json({ message }));
});
