/** The flags of the FTP program. @module */

import { clientFlags } from "../mail/flags.ts";

/** The flags of `examples/ftp_client.ts`. */
export const FLAGS = {
  ...clientFlags("starttls", "21, with --tls implicit 990"),
  resume: { type: "boolean", help: "get: resume an earlier download" },
  recursive: { type: "boolean", alias: "r", help: "rm: a directory with everything in it" },
  delete: { type: "boolean", help: "mirror: delete what the source does not have" },
  dryRun: { type: "boolean", help: "mirror: change nothing, and report what would be done" },
  bySize: { type: "boolean", help: "mirror: compare sizes only, not times" },
  exclude: {
    type: "list",
    placeholder: "glob",
    help: "mirror: leave out files and directories, such as '*.tmp' or 'cache/**'",
  },
  maxFiles: { type: "integer", default: 0, min: 0, help: "mirror: maximum files; 0: no limit" },
  maxBytes: { type: "size", default: "0", help: "mirror: maximum bytes; 0: no limit" },
} as const;
