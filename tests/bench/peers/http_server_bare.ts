/** JSON answers to GET and POST by bare `Deno.serve`. @module */

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, (request) => {
  if (request.method !== "POST") return Response.json({ message: "Hello, World!" });
  return request.json().then(({ message }) => Response.json({ message }));
});
