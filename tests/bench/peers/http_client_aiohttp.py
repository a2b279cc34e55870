"""Asks a server over and over with aiohttp. Takes port, users and milliseconds."""
import asyncio
import json
import sys
import time

import aiohttp

port, users, ms = map(int, sys.argv[1:4])
url = f"http://127.0.0.1:{port}/hello"


async def main():
    connector = aiohttp.TCPConnector(limit=users)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def user(until):
            count = 0
            while time.perf_counter() < until:
                async with session.get(url) as response:
                    if (await response.json())["message"] != "Hello, World!":
                        raise ValueError("a wrong answer")
                count += 1
            return count

        async def run(until):
            return sum(await asyncio.gather(*(user(until) for _ in range(users))))

        await run(time.perf_counter() + 0.5)
        cpu = time.process_time_ns()
        began = time.perf_counter()
        count = await run(began + ms / 1000)
        ns = round((time.perf_counter() - began) * 1e9)
        cpu = time.process_time_ns() - cpu
    print("end " + json.dumps({"count": count, "ns": ns, "cpu": cpu}), flush=True)


asyncio.run(main())
