import { connectFtp } from "../../../net/ftp/client.ts";
import type {
  ConnectFtpOptions,
  FtpTransferOptions,
  FtpTreeOptions,
  FtpUploadOptions,
} from "../../../net/ftp/options.ts";
import { downloadTree, uploadTree } from "../../../net/ftp/tree.ts";
import { checkEveryOption, type OptionKind } from "../../_support/options.ts";
import { lineServer } from "../../_support/line_server.ts";
import { MAIL_CLIENT } from "../../_support/mail_options.ts";
import { assertEquals, assertRejects } from "@std/assert";

const signal = AbortSignal.abort();

const TRANSFER: Record<keyof Required<FtpTransferOptions>, OptionKind> = {
  offset: "integer",
  onProgress: "none",
  verify: "none",
  signal: "none",
};

const TREE: Record<keyof Required<FtpTreeOptions>, OptionKind> = {
  signal: "none",
  skipSame: "none",
  bySize: "none",
  delete: "none",
  exclude: "none",
  dryRun: "none",
  maxFiles: "count",
  maxBytes: "count",
  onFile: "none",
  onProgress: "none",
  onRefused: "none",
  connections: "count",
  verify: "none",
  anyName: "none",
  mapNames: "none",
};

Deno.test("connectFtp() checks every option", async () => {
  await checkEveryOption<ConnectFtpOptions>("connectFtp", {
    ...MAIL_CLIENT,
    username: "text",
    user: "text",
    password: "text",
    trustPassiveAddress: "none",
    connectData: "none",
    encoding: "none",
    encryptData: "none",
    active: "none",
    activeAddress: "none",
    activePort: "none",
  }, (options) => connectFtp({ username: "ann", password: "secret", signal, ...options }));
});

Deno.test("the methods of FtpClient check their arguments before they send anything", async () => {
  await using server = lineServer("220\r\n", (line) => line === "FEAT" ? "500\r\n" : "230\r\n");
  await using ftp = await connectFtp({ port: server.port, tls: "none" });
  const { length } = server.heard;
  await checkEveryOption<FtpTransferOptions>(
    "download",
    TRANSFER,
    (options) => ftp.download("a", { signal, ...options }),
  );
  await checkEveryOption<FtpUploadOptions>(
    "upload",
    { ...TRANSFER, append: "none", atomic: "none" },
    (options) => ftp.upload("a", "x", { signal, ...options }),
  );
  const bad = (options: unknown) => options as FtpTreeOptions;
  for (const [name, kind] of Object.entries(TREE)) {
    const options = bad({ [name]: kind === "none" ? 1 : -1 });
    await assertRejects(() => downloadTree(ftp, "a", "b", options), RangeError, `${name} must be`);
    await assertRejects(() => uploadTree(ftp, "b", "a", options), RangeError, `${name} must be`);
  }
  await assertRejects(() => downloadTree(ftp, "a", "b", bad({ skip: 1 })), TypeError, "skipSame");
  await assertRejects(
    () => ftp.mkdir("a", { recursive: 1 as never }),
    RangeError,
    "recursive must",
  );
  await assertRejects(() => ftp.rmdir("a", { force: true } as never), TypeError, '"force"');
  await assertRejects(() => ftp.cd(undefined as never), TypeError, "path must be");
  await assertRejects(
    () => ftp.upload("a", "x", { atomic: true, append: true }),
    TypeError,
    "atomic",
  );
  await assertRejects(() => ftp.command(""), TypeError, "line must be");
  assertEquals(server.heard.length, length);
});
