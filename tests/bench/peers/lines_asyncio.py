"""Answers every line, on asyncio's streams."""

import asyncio


async def answer(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(b"you said " + line)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=511)
    port = server.sockets[0].getsockname()[1]
    print(f"listening on tcp://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


asyncio.run(main())
