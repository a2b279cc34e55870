"""Runs the tasks of dialogues with Python's poplib, one after the other."""

import json
import poplib
import sys


def pairs(lines, value):
    """Reads the lines of a list as programs do, and skips those that make no sense."""
    found = []
    for line in lines:
        words = line.decode("latin-1").split()
        if len(words) >= 2 and words[0].isdigit():
            try:
                found.append([int(words[0]), value(words[1])])
            except ValueError:
                pass
    return found


def text(lines):
    return "".join(line.decode("utf-8", "replace") + "\r\n" for line in lines)


def run(port):
    report = {"deleted": False, "quit": False}

    def step(name, work):
        try:
            report[name] = work()
        except Exception as error:
            report.setdefault("error", f"{name}: {error!r}")

    try:
        mail = poplib.POP3("127.0.0.1", port, timeout=10)
        mail.user("ann")
        mail.pass_("secret")
        mail.stat()
    except Exception as error:
        return {**report, "error": repr(error)}
    step("sizes", lambda: pairs(mail.list()[1], int))
    step("uids", lambda: pairs(mail.uidl()[1], str))
    step("first", lambda: text(mail.retr(1)[1]))
    step("second", lambda: text(mail.retr(2)[1]))
    step("head", lambda: text(mail.top(1, 0)[1]))
    step("deleted", lambda: bool(mail.dele(1)))
    step("quit", lambda: bool(mail.quit()))
    return report


for port in json.load(sys.stdin):
    print(json.dumps(run(port)), flush=True)
