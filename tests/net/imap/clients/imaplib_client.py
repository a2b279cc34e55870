"""Does the deeds of tests/net/imap/_dialogues.ts with imaplib: tasks in JSON in, a report a line out.

imaplib leaves the reading of most responses to its caller. A deed whose result it gives as raw lines
is reported with "raw".
"""

import imaplib
import json
import re
import sys

READS = {"select", "status", "search", "copy", "move", "noop", "text"}


def fetched(mail, items):
    return mail.uid("FETCH", "7", items)[1]


def do(mail, does):
    if does == "list":
        return mail.list()[1]
    if does == "select":
        return int(mail.select("INBOX")[1][0])
    if does == "status":
        lines = mail.status("INBOX", "(MESSAGES)")[1]
        return int(re.search(rb"MESSAGES (\d+)", lines[-1])[1])
    if does == "search":
        found = mail.uid("SEARCH", "ALL")[1]
        return sorted({int(uid) for line in found if line for uid in line.split()})
    if does in ("copy", "move"):
        mail.uid(does.upper(), "7", "Archive")
        return None
    if does == "noop":
        mail.noop()
        return None
    if does == "text":
        for one in fetched(mail, "(UID BODY.PEEK[TEXT])"):
            if isinstance(one, tuple):
                return one[1].decode()
        return None
    return fetched(mail, "(UID)")


def run(task):
    report = {}
    try:
        mail = imaplib.IMAP4("127.0.0.1", task["port"], timeout=10)
        mail.login("ann", "secret")
        mail.select("Start")
        mail.noop()
        value = do(mail, task["does"])
        if task["does"] in READS:
            report["value"] = value
        else:
            report["raw"] = True
        mail.noop()
        report["alive"] = True
        mail.shutdown()
    except Exception as error:
        report["error"] = f"{type(error).__name__}: {error}"
    return report


for task in json.load(sys.stdin):
    print(json.dumps(run(task)), flush=True)
