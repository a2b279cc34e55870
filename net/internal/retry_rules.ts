import {
  anObject,
  callback,
  count,
  listOf,
  milliseconds,
  numberFrom,
  signal,
  text,
} from "./options.ts";

/** The rules for the options of `retry`. */
export const RETRY_RULES = {
  maxAttempts: count,
  minTimeout: milliseconds,
  maxTimeout: milliseconds,
  multiplier: numberFrom(1),
  jitter: numberFrom(0, 1),
  kinds: listOf(text),
  isRetriable: callback,
  deadline: milliseconds,
  signal,
  budget: anObject,
  onRetry: callback,
};

/** The rules for the options of `createRetryBudget`. */
export const BUDGET_RULES = {
  ratio: numberFrom(0),
  minPerSecond: numberFrom(0),
};
