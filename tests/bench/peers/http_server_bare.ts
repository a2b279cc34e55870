/** A JSON answer by bare `Deno.serve`. @module */

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, () => Response.json({ message: "Hello, World!" }));
