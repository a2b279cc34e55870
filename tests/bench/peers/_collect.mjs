// Collects garbage on SIGUSR2 and reports it. A server on Deno or Node loads this before its own
// program, and runs with `--expose-gc`.
import process from "node:process";

process.on("SIGUSR2", () => {
  globalThis.gc();
  // The second collection frees what finalizers of the first one released.
  globalThis.gc();
  console.log("collected");
});
