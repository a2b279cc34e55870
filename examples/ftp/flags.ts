/** The flags of the FTP program. @module */

import type { ConnectFtpOptions } from "../../net/ftp/client.ts";
import { isNameEncoding } from "../../net/internal/name_coding.ts";
import { badValue, type Flags, type FlagValue } from "../../tools/cli.ts";
import { clientFlags } from "../mail/flags.ts";

/** The flags of `examples/ftp_client.ts`. */
export const FLAGS = {
  ...clientFlags("starttls", "21, with --tls implicit 990"),
  encoding: { type: "string", default: "utf-8", help: "Encoding of names, such as gbk or latin1" },
  active: { type: "boolean", help: "Let the server open the data connections" },
  plainData: { type: "boolean", help: "Transfer files and listings without encryption (PROT C)" },
  verify: { type: "boolean", help: "Compare hashes with the server, if it can compute them" },
  connections: { type: "integer", default: 1, min: 1, max: 100, help: "mirror: files at a time" },
  anyName: { type: "boolean", help: "mirror: store names that Windows reserves, such as a:b" },
  mapNames: {
    type: "boolean",
    help: "get, mirror: store a:b as a%3Ab, and the like; mirror-up: reverse that",
  },
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
  maxFiles: { type: "integer", default: 0, min: 0, help: "mirror: maximum files, and directories" },
  maxBytes: { type: "size", default: "0", help: "mirror: maximum bytes; 0: no limit" },
} as const satisfies Flags;

/** The values of the flags that only FTP has. */
type FtpValues = {
  -readonly [K in "encoding" | "active" | "plainData"]: FlagValue<(typeof FLAGS)[K]>;
};

/**
 * Returns the options of a connection that only FTP has.
 *
 * @throws {CliError} If a value cannot be used.
 */
export function ftpOptions({ encoding, active, plainData }: FtpValues): ConnectFtpOptions {
  if (!isNameEncoding(encoding)) throw badValue("--encoding", encoding, "one such as gbk");
  return { encoding, active, encryptData: !plainData };
}
