"""A JSON answer by aiohttp."""
import asyncio

from aiohttp import web


async def hello(request):
    return web.json_response({"message": "Hello, World!"})


async def main():
    app = web.Application()
    app.router.add_get("/hello", hello)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("listening on http://127.0.0.1:%d" % runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
