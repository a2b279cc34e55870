import * as std from "npm:deno-std@1.4.0/cli/prompt_secret.js";

/** What `promptSecret` takes besides the question. */
export interface PromptSecretOptions {
  /** What stands for each letter; undefined for nothing. */
  mask?: string;
  /** Whether the question is removed afterwards. */
  clear?: boolean;
}

/** Asks for a secret on the terminal; null where there is none. */
export const promptSecret: (message?: string, options?: PromptSecretOptions) => string | null =
  std.promptSecret;
