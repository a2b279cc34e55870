"""One file over FTP by ftplib: into a file, or up."""

import ftplib
import json
import ssl
import sys
import time

amount, way, port, folder = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
if sys.argv[5:] == ["tls"]:
    context = ssl.create_default_context(cafile=folder + "/ca.pem")
    ftp = ftplib.FTP_TLS(context=context)
    ftp.connect("127.0.0.1", port)
    ftp.login()
    ftp.prot_p()
else:
    ftp = ftplib.FTP()
    ftp.connect("127.0.0.1", port)
    ftp.login("ann", "secret")
started = time.perf_counter()
size = 0
if way == "save":
    with open(folder + "/python", "wb") as file:
        def take(chunk):
            global size
            size += file.write(chunk)
        ftp.retrbinary("RETR big", take, 65536)
else:
    class Source:
        left = amount * 1000000
        def read(self, size):
            size = min(size, self.left)
            self.left -= size
            return bytes(size)
    ftp.storbinary("STOR up-python", Source())
    ftp.voidcmd("TYPE I")
    size = ftp.size("up-python")
print(json.dumps({"count": size / 1e6, "seconds": time.perf_counter() - started}))
