"""The clients of Python's standard library."""

import imaplib
import json
import poplib
import re
import smtplib
import sys
import time

amount, what, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
count = 0
if what == "imap":
    mail = imaplib.IMAP4("127.0.0.1", port)
    mail.login("ann", "secret")
    mail.select("INBOX", readonly=True)
    started = time.perf_counter()
    # All that there are, as often as it takes.
    while count < amount:
        _, data = mail.uid("FETCH", "1:*", "(UID BODY.PEEK[TEXT])")
        # It leaves the reading of a response to its caller: which message a text belongs to.
        texts = {
            int(re.search(rb"UID (\d+)", one[0])[1]): one[1]
            for one in data
            if isinstance(one, tuple)
        }
        count += sum(len(text) > 0 for text in texts.values())
elif what == "imap-each":
    mail = imaplib.IMAP4("127.0.0.1", port)
    mail.login("ann", "secret")
    mail.select("INBOX", readonly=True)
    started = time.perf_counter()
    while count < amount:
        for uid in mail.uid("SEARCH", "ALL")[1][0].split():
            _, data = mail.uid("FETCH", uid, "(UID BODY.PEEK[TEXT])")
            count += len(data[0][1]) > 0
elif what == "pop3":
    mail = poplib.POP3("127.0.0.1", port)
    mail.user("ann")
    mail.pass_("secret")
    started = time.perf_counter()
    for i in range(amount):
        count += len(mail.retr(i + 1)[1]) > 0
else:
    mail = smtplib.SMTP("127.0.0.1", port)
    message = "Subject: hi\r\n\r\n" + "a line of a small message\r\n" * 20
    mail.ehlo()
    started = time.perf_counter()
    for i in range(amount):
        count += not mail.sendmail("a@a.test", ["b@b.test"], message)
print(json.dumps({"count": count, "seconds": time.perf_counter() - started}))
