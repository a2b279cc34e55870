"""A scan with a pool of 100 threads."""

import socket
from concurrent.futures import ThreadPoolExecutor


def probe(port):
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.77.0.3", port)) == 0


with ThreadPoolExecutor(100) as pool:
    print(sum(pool.map(probe, range(1, 65536))))
