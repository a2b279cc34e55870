import type { ProblemOptions } from "../problem.ts";

/** The explanations of refusals for clients, by the status. */
export const REFUSALS: Readonly<Record<number, ProblemOptions>> = {
  400: { detail: "The Host of the request is missing or malformed" },
  408: { detail: "The request did not arrive in time", headers: { connection: "close" } },
  413: { detail: "The body of the request is too large", headers: { connection: "close" } },
  421: { detail: "This server does not answer for the host of the request" },
  501: { detail: "This server does not know the method of the request" },
  503: { detail: "The server has too many simultaneous requests", headers: { "retry-after": "1" } },
};

/** The explanation of a server on loopback that refuses a public name. */
export const NOT_LOCAL = {
  detail: "This server answers for this machine only. Behind a reverse proxy, " +
    "set allowedHosts to the public name, or trustProxy",
};

/** The explanation for requests that arrive during a shutdown. */
export const CLOSING: ProblemOptions = {
  detail: "The server is shutting down",
  headers: { connection: "close", "retry-after": "1" },
};
