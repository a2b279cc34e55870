/** The flags of the HTTP client. @module */

import type { Flags, Positionals } from "../../tools/cli.ts";
import { ROUTE_FLAGS } from "./route.ts";

/** The flags for a request. */
export const FLAGS = {
  param: { type: "list", alias: "p", placeholder: "name=value", help: "Query parameter" },
  header: { type: "list", alias: "H", placeholder: "name: value", help: "Header" },
  data: { type: "string", alias: "d", placeholder: "json", help: "Body, sent as JSON" },
  form: {
    type: "list",
    alias: "F",
    placeholder: "name=value",
    help: "Field of a form, not a file",
  },
  upload: { type: "list", placeholder: "name=file", help: "File of a form; with --form: fields" },
  body: {
    type: "string",
    placeholder: "file",
    help: "File that is sent as it is; - for the input",
  },
  request: {
    type: "string",
    alias: "X",
    placeholder: "method",
    help: "Method, if only a URL follows",
  },
  user: { type: "string", alias: "u", placeholder: "name:password", help: "Basic login" },
  userFile: {
    type: "string",
    placeholder: "file",
    help: "File that contains the login; or the variable PORTSIDE_USER",
  },
  digest: { type: "boolean", help: "Digest for --user, which never sends the password" },
  bearer: { type: "string", placeholder: "token", help: "Bearer token" },
  bearerFile: {
    type: "string",
    placeholder: "file",
    help: "File that contains the token; or the variable PORTSIDE_BEARER",
  },
  connectTimeout: { type: "duration", help: "Limit for connecting" },
  headersTimeout: { type: "duration", default: "30s", help: "Limit for the head of the answer" },
  bodyTimeout: { type: "duration", default: "30s", help: "Limit between pieces of the body" },
  timeout: { type: "duration", alias: "t", help: "Limit for everything; none by default" },
  retries: { type: "integer", default: 0, min: 0, max: 100, help: "Tries after the first" },
  maxRedirects: { type: "integer", default: 20, min: 0, max: 100, help: "Redirects followed" },
  maxBody: {
    type: "size",
    min: "1",
    help: "Largest answer; by default 64MiB for a terminal and --json, none for files and pipes",
  },
  ...ROUTE_FLAGS,
  cookieJar: {
    type: "string",
    alias: "c",
    placeholder: "file",
    help: "Read and save cookies, in the format of curl",
  },
  output: {
    type: "string",
    alias: "o",
    placeholder: "file",
    help: "Save the body; a GET resumes a file that is half there",
  },
  remoteName: { type: "boolean", alias: "O", help: "Save under the name that the server states" },
  timings: { type: "boolean", help: "Show the times of the request, on standard error" },
  verbose: { type: "boolean", alias: "v", help: "Show each request and response, without secrets" },
  http2: { type: "boolean", help: "Speak HTTP/2 if the server does" },
  include: { type: "boolean", alias: "i", help: "Print status and headers too" },
} as const satisfies Flags;

/** The arguments of the HTTP client. */
export const POSITIONALS = {
  method: { help: "GET, POST …; a URL here means GET, or POST with a body" },
  url: { optional: true, help: "URL to request, http or https" },
} as const satisfies Positionals;
