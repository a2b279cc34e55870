"""Asks a server over and over with requests, a session a thread. Takes port, users, milliseconds."""
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import requests

port, users, ms = map(int, sys.argv[1:4])
url = f"http://127.0.0.1:{port}/hello"


def user(until):
    count = 0
    with requests.Session() as session:
        session.trust_env = False
        while time.perf_counter() < until:
            if session.get(url, timeout=10).json()["message"] != "Hello, World!":
                raise ValueError("a wrong answer")
            count += 1
    return count


with ThreadPoolExecutor(users) as pool:
    cpu = time.process_time_ns()
    began = time.perf_counter()
    count = sum(pool.map(user, [began + ms / 1000] * users))
    ns = round((time.perf_counter() - began) * 1e9)
    cpu = time.process_time_ns() - cpu
print("end " + json.dumps({"count": count, "ns": ns, "cpu": cpu}), flush=True)
