"""ftplib, driven by lines of JSON: a verb and its arguments."""

import ftplib
import json
import ssl
import sys

settings = json.loads(sys.argv[1])


def connect():
    if settings["ca"]:
        ftp = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=settings["ca"]))
    else:
        ftp = ftplib.FTP()
    ftp.encoding = settings["encoding"]
    ftp.connect("127.0.0.1", settings["port"], timeout=10)
    ftp.login(settings["user"], settings["password"])
    if settings["ca"]:
        ftp.prot_p()
    ftp.set_pasv(not settings["active"])
    ftp.voidcmd("TYPE I")
    return ftp


ftp = connect()


def listing(path):
    try:
        rows = [(name, facts) for name, facts in ftp.mlsd(path)]
    except ftplib.error_perm as error:
        # The server does not know MLSD. The names are all that ftplib can read then.
        if not str(error).startswith("500"):
            raise
        return [{"name": name.rsplit("/", 1)[-1]} for name in ftp.nlst(path)]
    kinds = {"file": "file", "dir": "directory"}
    return [
        {
            "name": name,
            "type": kinds.get(facts["type"], "other"),
            "size": int(facts.get("size", 0)),
            "modified": facts.get("modify"),
        }
        for name, facts in rows
        if facts["type"] not in ("cdir", "pdir")
    ]


def raw(path):
    lines = []
    ftp.dir(path, lines.append)
    return lines


def put(local, path, append, offset, progress):
    seen = []
    total = 0

    def note(block):
        nonlocal total
        total += len(block)
        seen.append(total)

    with open(local, "rb") as file:
        command = ("APPE " if append else "STOR ") + path
        ftp.storbinary(command, file, callback=note, rest=offset or None)
    return seen


def get(path, local, offset):
    with open(local, "wb") as file:
        ftp.retrbinary("RETR " + path, file.write, rest=offset or None)


VERBS = {
    "pwd": lambda: ftp.pwd(),
    "cd": lambda path: ftp.cwd(path) and None,
    "list": listing,
    "raw": raw,
    "mkdir": lambda path: ftp.mkd(path) and None,
    "rmdir": lambda path: ftp.rmd(path) and None,
    "put": put,
    "get": get,
    "size": lambda path: ftp.size(path),
    "modified": lambda path: ftp.voidcmd("MDTM " + path)[4:],
    "delete": lambda path: ftp.delete(path) and None,
    "rename": lambda old, new: ftp.rename(old, new) and None,
    "command": lambda line: ftp.voidcmd(line),
    "status": lambda: ftp.sendcmd("STAT").split("\n"),
    "close": lambda: ftp.quit() and None,
}

for line in sys.stdin:
    verb, args = json.loads(line)
    try:
        if verb not in VERBS:
            answer = {"unable": verb}
        else:
            answer = {"value": VERBS[verb](*args)}
    except Exception as error:
        answer = {"error": str(error) or type(error).__name__}
    print(json.dumps(answer), flush=True)
