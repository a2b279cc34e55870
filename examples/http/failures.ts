/** The failures of the HTTP client in the words of its flags. @module */

import { HttpRequestError } from "../../http/client/errors.ts";
import { CliError } from "../../tools/cli.ts";

/** The advice of messages: the options, and the flags that set them. */
const ADVICE = [
  ["set maxBody to allow more", "set --max-body to allow more"],
  ["leave http2 out", "leave --http2 out"],
  ["trust it with caCerts", "trust it with --ca"],
  ["trust it with pin", "trust it with --pin"],
] as const;

/** Messages about the environment, files and `--header`. They are no bugs. */
const WRONG_SETTING =
  /^(?:Cannot use cert, key or caCerts:|Cannot send this Transfer-Encoding:|(?:https?_proxy|all_proxy|Content-Length) must )/i;

/** Returns the error to report for a failure: advice names flags, and a wrong setting is no bug. */
export function inWordsOfFlags(error: unknown): unknown {
  if (error instanceof TypeError && WRONG_SETTING.test(error.message)) {
    const message = error.message.replace("cert, key or caCerts", "--cert, --key or --ca");
    return new CliError(message, 2, { cause: error });
  }
  if (!(error instanceof HttpRequestError)) return error;
  let { message } = error;
  for (const [option, flag] of ADVICE) message = message.replace(option, flag);
  return message === error.message ? error : new CliError(message, 1, { cause: error });
}
