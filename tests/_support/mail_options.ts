/** The kinds of the options that all clients of mail and FTP take. @module */

import type { MailClientOptions, MailLoginOptions } from "../../net/mail/options.ts";
import type { OptionKind } from "./options.ts";

/** The options of all clients. */
export const MAIL_CLIENT: Readonly<Record<keyof Required<MailClientOptions>, OptionKind>> = {
  hostname: "text",
  port: "none",
  tls: "none",
  serverName: "text",
  caCerts: "none",
  cert: "text",
  key: "text",
  pin: "none",
  minVersion: "none",
  connectTimeout: "time",
  timeout: "time",
  keepAlive: "time",
  allowPlaintextLogin: "none",
  signal: "none",
  trace: "none",
  connection: "none",
};

/** The options of the clients of SMTP, POP3 and IMAP. */
export const MAIL_LOGIN: Readonly<Record<keyof Required<MailLoginOptions>, OptionKind>> = {
  ...MAIL_CLIENT,
  username: "text",
  user: "text",
  password: "text",
  accessToken: "text",
  authorizationId: "text",
  mechanism: "none",
};
