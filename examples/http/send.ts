/** Sends the request of the HTTP client. @module */

import { createClient } from "../../http/client/client.ts";
import { badValue, type CliContext, type CliValues } from "../../tools/cli.ts";
import { bodyOf, credentials, hasBody, pairs, targetOf } from "./arguments.ts";
import { connectionOf, cookiesOf, saveCookies } from "./connection.ts";
import { inWordsOfFlags } from "./failures.ts";
import type { FLAGS, POSITIONALS } from "./flags.ts";
import { show } from "./output.ts";
import { checkOutput, save } from "./save.ts";
import { waterfall } from "./waterfall.ts";
import { showTrailers, verboseHooks } from "./verbose.ts";

/** The values of the command line. */
export type ClientValues = CliValues<typeof FLAGS, typeof POSITIONALS>;

/** Sends the request that the command line describes, and prints or saves the response. */
export async function send(values: ClientValues, ctx: CliContext): Promise<void> {
  try {
    await exchange(values, ctx);
  } catch (error) {
    throw inWordsOfFlags(error);
  }
}

async function exchange(values: ClientValues, ctx: CliContext): Promise<void> {
  const { method: first, url: second, json, output, timings, cookieJar } = values;
  const target = targetOf(first, second, { ...values, hasBody: hasBody(values) });
  const { method, url } = target;
  // The head is all that there is.
  const include = values.include || method === "HEAD";
  const raw = output === "-";
  const toFile = !raw && (output !== undefined || values.remoteName);
  if (!raw) checkOutput(values, method);
  if (toFile && timings) throw badValue("--timings", output ?? "", "no file with it");
  const body = await bodyOf(values);
  const jar = await cookiesOf(cookieJar);
  await using saving = new AsyncDisposableStack();
  saving.defer(() => saveCookies(cookieJar, jar));
  await using client = createClient({
    ...await connectionOf(values, !toFile && (json || (!raw && ctx.io.stdoutIsTerminal))),
    cookies: jar ?? false,
    hooks: values.verbose ? verboseHooks(ctx) : {},
  });
  const options = {
    ...body,
    params: pairs("param", values.param),
    headers: pairs("header", values.header, /^([^:=\s]+):\s*(.*)$/s),
    auth: await credentials(values),
    signal: ctx.signal,
  };
  if (toFile) {
    const timed = { ...options, timeouts: { total: values.timeout ?? 0 } };
    const request = { ...target, client, options: timed, maxSize: values.maxBody ?? Infinity };
    const saved = await save(request, values, ctx);
    return json ? ctx.printJson(saved) : ctx.print(`${saved.size} bytes in ${saved.path}`);
  }
  const response = await client.request(method, url, { ...options, raiseForStatus: false });
  try {
    await show(response, method, ctx, { ...values, include, json, raw });
    if (values.verbose) showTrailers(response, ctx);
  } finally {
    if (timings && !json) { for (const line of waterfall(response)) ctx.io.stderr(`${line}\n`); }
  }
}
