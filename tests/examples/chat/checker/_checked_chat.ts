/**
 * The chat, which kills itself at a step of a line, or has a clock that is wrong, as variables say.
 *
 * @module
 */

import { flags } from "../../../../examples/chat/options.ts";
import { runChat } from "../../../../examples/chat/run_chat.ts";
import { defineCli } from "../../../../tools/cli.ts";

const step = Deno.env.get("CHAT_CRASH_STEP");
const [now, skew] = [Date.now, Number(Deno.env.get("CHAT_CLOCK") ?? 0)];
Date.now = () => now() + skew;
let left = Number(Deno.env.get("CHAT_CRASH_AFTER"));

function onStep(now: string): void {
  if (now === step && left-- === 0) Deno.kill(Deno.pid, "SIGKILL");
}

const cli = defineCli({
  name: "chat",
  summary: "A chat that is checked.",
  flags,
  permissions: { "-A": "listen, use the store, kill itself" },
});
Deno.exit(await cli.run(Deno.args, undefined, (values, ctx) => runChat(values, ctx, { onStep })));
