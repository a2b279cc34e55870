"""A WebSocket server on Python's websockets: echoes, or sends to all the others."""

import asyncio
import sys

import websockets

everyone = set()
# The load generator of a broadcast accepts no ping, and a slow round takes longer than 20 s.
PING = None if sys.argv[1] == "room" else 20


async def handler(ws):
    everyone.add(ws)
    try:
        async for message in ws:
            if sys.argv[1] == "room":
                websockets.broadcast(everyone - {ws}, message)
            else:
                await ws.send(message)
    except websockets.ConnectionClosed:
        pass
    finally:
        everyone.discard(ws)


async def main():
    async with websockets.serve(handler, "127.0.0.1", 0, backlog=1024, ping_interval=PING) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"listening on ws://127.0.0.1:{port}", flush=True)
        await asyncio.Future()


asyncio.run(main())
