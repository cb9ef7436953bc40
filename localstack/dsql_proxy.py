"""The stand-in for Aurora DSQL: MiniStack's DSQL proxy in front of a Postgres, on loopback.

    python -m dsql_proxy <port> <port of Postgres>

The proxy refuses what DSQL refuses, answers `sys.jobs`, and connects to Postgres as the role
`postgres` without a password. It accepts any password itself.

It is an internal module of MiniStack, 1.5.33, and this is the only file that knows it.
"""

import asyncio
import functools
import inspect
import logging
import sys

NAME = "waybill"
HOST = "127.0.0.1"
PARAMETERS = ["cluster_id", "listen_port", "backend_host", "backend_port"]


def fail(what):
    """Ends with what is wrong and what to do about it."""
    sys.exit(
        f"The DSQL proxy of MiniStack is not the one this was written for: {what}. "
        "Adapt localstack/dsql_proxy.py, or pin MiniStack 1.5.33 in localstack/requirements.in."
    )


def find():
    """The proxy's module, if it is as expected."""
    try:
        from ministack.core import pgproxy
    except ImportError as error:
        fail(error)
    start = getattr(pgproxy, "start_proxy", None)
    if not inspect.iscoroutinefunction(start):
        fail("start_proxy is no coroutine function")
    if list(inspect.signature(start).parameters) != PARAMETERS:
        fail(f"start_proxy takes {inspect.signature(start)}, not ({', '.join(PARAMETERS)})")
    for name in ("classify_statement", "_backend_relay"):
        if not inspect.isfunction(getattr(pgproxy, name, None)):
            fail(f"{name} is no function")
    return pgproxy


async def serve(port, behind):
    """Serves until it is ended."""
    proxy = find()
    # It classifies a statement twice whenever it runs, from its text: 4 ms for the longest one.
    proxy.classify_statement = functools.lru_cache(maxsize=1024)(proxy.classify_statement)
    # It would keep a client whose Postgres has gone.
    relay = proxy._backend_relay

    async def relay_and_hang_up(connection, postgres, client):
        try:
            await relay(connection, postgres, client)
        finally:
            client.close()

    proxy._backend_relay = relay_and_hang_up
    # It would listen on every interface, and asks nobody for a password.
    servers, start_server = [], asyncio.start_server

    async def on_loopback(handle, _every_interface, port):
        servers.append(await start_server(handle, HOST, port))
        return servers[-1]

    asyncio.start_server = on_loopback
    await proxy.start_proxy(NAME, port, HOST, behind)
    if len(servers) != 1:
        fail("start_proxy does not listen through asyncio.start_server")
    await servers[0].serve_forever()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(serve(*(int(port) for port in sys.argv[1:3])))
