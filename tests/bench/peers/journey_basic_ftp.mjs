/** basic-ftp, driven by lines of JSON: a verb and its arguments. */
import { createReadStream, createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

const [, , text, path] = process.argv;
const { port, user, password, ca, active, encoding } = JSON.parse(text);
const { Client, FileType } = await import(path);
const unable = Symbol();
const client = new Client(5000);
client.ftp.encoding = encoding === "latin1" ? "latin1" : "utf8";
const secureOptions = ca === "" ? {} : { ca: await readFile(ca), servername: "localhost" };
const access = { host: "127.0.0.1", port, user, password, secure: ca !== "", secureOptions };
const canStart = !active && (encoding === "utf-8" || encoding === "latin1");
if (canStart) await client.access(access);

const kinds = { [FileType.File]: "file", [FileType.Directory]: "directory" };
const verbs = {
  pwd: () => client.pwd(),
  cd: (path) => client.cd(path),
  list: async (path) =>
    (await client.list(path)).map(({ name, type, size, modifiedAt }) => ({
      name,
      type: kinds[type] ?? "link",
      size,
      modified: modifiedAt?.toISOString(),
    })),
  mkdir: (path) => client.send(`MKD ${path}`),
  makeAll: async (path) => {
    const before = await client.pwd();
    await client.ensureDir(path);
    await client.cd(before);
  },
  rmdir: (path) => client.removeEmptyDir(path),
  removeAll: (path) => client.removeDir(path),
  put: async (local, path, append, offset, progress) => {
    if (offset > 0) return unable;
    const seen = [];
    if (progress) client.trackProgress(({ bytes }) => seen.push(bytes));
    const source = createReadStream(local);
    await (append ? client.appendFrom(source, path) : client.uploadFrom(source, path));
    client.trackProgress();
    return seen;
  },
  get: (path, local, offset) => client.downloadTo(createWriteStream(local), path, offset),
  size: (path) => client.size(path),
  modified: async (path) => (await client.lastMod(path)).toISOString(),
  delete: (path) => client.remove(path),
  rename: (from, to) => client.rename(from, to),
  command: (line) => client.send(line).then(({ message }) => message),
  status: async () => (await client.send("STAT")).message.split("\n"),
  putTree: (local, path, options) => plain(options) ? client.uploadFromDir(local, path) : unable,
  getTree: (path, local, options) => plain(options) ? client.downloadToDir(local, path) : unable,
  close: () => client.close(),
};

/** Returns whether options ask for nothing that basic-ftp does not have. */
function plain(options) {
  return Object.keys(options).length === 0;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, args] = JSON.parse(line);
  let answer;
  try {
    // After an error of a transfer, the session is closed.
    if (client.closed && canStart && verb !== "close") await client.access(access);
    const value = verbs[verb] === undefined || !canStart ? unable : await verbs[verb](...args);
    answer = value === unable ? { unable: verb } : { value: value?.message ? null : value ?? null };
  } catch (error) {
    answer = { error: `${error.message}` };
  }
  console.log(JSON.stringify(answer));
}
process.exit();
