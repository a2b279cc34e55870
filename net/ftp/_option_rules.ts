/** Rules for the options of the FTP client. */

import { ipAddress } from "../internal/host_rules.ts";
import { loginName, MAIL_CLIENT, secret, withUsername } from "../internal/mail_rules.ts";
import {
  callback,
  flag,
  integer,
  limit,
  OptionRules,
  port,
  type Rule,
  rule,
  signal,
} from "../internal/options.ts";
import { isNameEncoding } from "../internal/name_coding.ts";
import type {
  ConnectFtpOptions,
  FtpCallOptions,
  FtpDirectoryOptions,
  FtpListOptions,
  FtpTransferOptions,
  FtpTreeOptions,
  FtpUploadOptions,
} from "./options.ts";

/** The rules for the options of `connectFtp`. */
export const CONNECT_FTP = new OptionRules<ConnectFtpOptions>({
  ...MAIL_CLIENT.rules,
  username: loginName,
  user: loginName,
  password: secret,
  trustPassiveAddress: flag,
  connectData: callback,
  encoding: rule("an encoding in which ASCII characters are one byte each", isNameEncoding),
  encryptData: flag,
  active: flag,
  activeAddress: ipAddress,
  activePort: port,
});

/** Returns the name and the password. Neither is sent without the other, unless it is anonymous. */
export function loginOf(options: ConnectFtpOptions): { username: string; password: string } {
  const { username, password } = withUsername(options);
  if (username === undefined && password !== undefined) {
    throw new TypeError('password requires username, which may be "anonymous"');
  }
  const isAnonymous = username === undefined || username === "anonymous" || username === "ftp";
  if (password === undefined && !isAnonymous) {
    throw new TypeError("username requires password, which may be empty");
  }
  return { username: username ?? "anonymous", password: password ?? "anonymous@" };
}

/** The rules for the options of every call. */
export const FTP_CALL = new OptionRules<FtpCallOptions>({ signal });

/** The rules for the options of a download. */
export const FTP_TRANSFER = new OptionRules<FtpTransferOptions>({
  ...FTP_CALL.rules,
  offset: integer(0, Number.MAX_SAFE_INTEGER),
  onProgress: callback,
  verify: flag,
});

/** The rules for the options of `list`. */
export const FTP_LIST = new OptionRules<FtpListOptions>({
  ...FTP_CALL.rules,
  parseLine: callback,
  onUnknown: callback,
});

/** The rules for the options of an upload. */
export const FTP_UPLOAD = new OptionRules<FtpUploadOptions>({
  ...FTP_TRANSFER.rules,
  append: flag,
  atomic: flag,
});

/** The rules for the options of `mkdir` and `rmdir`. */
export const FTP_DIRECTORY = new OptionRules<FtpDirectoryOptions>({
  ...FTP_CALL.rules,
  recursive: flag,
});

/** The rules for the options of `downloadTree` and `uploadTree`. */
export const FTP_TREE = new OptionRules<FtpTreeOptions>({
  ...FTP_CALL.rules,
  skipSame: flag,
  bySize: flag,
  delete: flag,
  exclude: callback,
  dryRun: flag,
  maxFiles: limit,
  maxBytes: limit,
  onFile: callback,
  onProgress: callback,
  onRefused: callback,
  connections: integer(1, 100),
  verify: flag,
  anyName: flag,
  mapNames: flag,
});

/** A path on the server. */
export const remotePath: Rule = rule(
  "a path that is not empty, without line breaks and NUL",
  (value) => typeof value === "string" && value !== "" && !/[\r\n\0]/.test(value),
);
