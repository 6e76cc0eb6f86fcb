"""A forward proxy that lets only those through who know its password, as companies have them."""

import asyncio
import base64
import contextlib
import threading
from collections.abc import Coroutine
from urllib.parse import urlsplit


class Gate:
    """The proxy, in a thread with an event loop of its own. `NAME`, which only it can resolve, is the server behind it."""

    NAME = "wandb.behind.test"

    def __init__(self, behind: str, user: str, password: str) -> None:
        """Listen on a loopback port; `behind` is the address of the server."""
        split = urlsplit(behind)
        assert split.hostname is not None
        assert split.port is not None
        self._behind = (split.hostname, split.port)
        self._login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.passed: list[str] = []
        self.refused = 0
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._thread.start()
        self._call(self._up())

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """The server's address for those who come through the gate."""
        return f"http://{self.NAME}"

    def close(self) -> None:
        """End the proxy."""
        self._call(self._down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def _call(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _up(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _down(self) -> None:
        self._server.close()
        await asyncio.sleep(0)  # One turn of the loop for the connections' tasks to see their end.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._one(reader, writer)
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one request; the connection serves no other."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, version = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        split = urlsplit(target)
        if headers.get("proxy-authorization") != self._login:
            self.refused += 1
            writer.write(b"HTTP/1.1 407 -\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
            return
        assert split.hostname == self.NAME, f"asked for {split.hostname}"
        self.passed.append(f"{method} {split.path}")
        for name in ("proxy-authorization", "proxy-connection", "connection", "host"):
            headers.pop(name, None)
        headers |= {"host": f"{self._behind[0]}:{self._behind[1]}", "connection": "close"}
        path = split.path + (f"?{split.query}" if split.query else "")
        request = [f"{method} {path} {version}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        there, back = await asyncio.open_connection(*self._behind)
        back.write("\r\n".join(request).encode("latin-1"))
        sending = asyncio.ensure_future(_pump(reader, back))
        try:
            await _pump(there, writer)
        finally:
            sending.cancel()
            back.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(1 << 16):
        writer.write(block)
        await writer.drain()
