"""A plain chat on asyncio: one write per message and peer, as everybody writes it first."""

import asyncio

users = {}


def broadcast(sender, message):
    data = message.encode()
    for writer in users:
        # Not drained: one peer that does not read would stop the room.
        if writer is not sender:
            writer.write(data)


async def serve(reader, writer):
    try:
        name = (await reader.readline()).decode().rstrip("\r\n")
        users[writer] = name
        broadcast(writer, f"{name} joined\n")
        while line := await reader.readline():
            text = line.decode().rstrip("\r\n")
            broadcast(writer, f"{name}: {text}\n")
    except ConnectionError:
        pass
    finally:
        if users.pop(writer, None) is not None:
            broadcast(writer, f"{name} left\n")
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=511)
    port = server.sockets[0].getsockname()[1]
    print(f"listening on tcp://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


asyncio.run(main())
