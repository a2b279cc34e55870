"""Runs the tasks of dialogues with Python's smtplib, one after the other."""

import json
import smtplib
import sys

SECOND = "again@b.test"


def send(mail, to, message):
    try:
        options = []
        if not message.isascii() and mail.has_extn("8bitmime"):
            options.append("BODY=8BITMIME")
        text = message if message.isascii() else message.encode()
        refused = mail.sendmail("ann@a.test", to, text, options)
        return {"accepted": [one for one in to if one not in refused]}
    except Exception as error:
        return {"accepted": [], "error": repr(error)}


def run(task):
    try:
        mail = smtplib.SMTP("127.0.0.1", task["port"], timeout=10)
        if task["login"]:
            mail.login("ann", "secret")
        reports = [send(mail, to, task["message"]) for to in (task["to"], [SECOND])]
    except Exception as error:
        return [{"accepted": [], "error": repr(error)}]
    try:
        mail.quit()
    except Exception:
        pass
    return reports


for task in json.load(sys.stdin):
    print(json.dumps(run(task)), flush=True)
