"""An HTTP proxy between daemon and backend that fails as it is told, and remembers what it saw.

It speaks HTTP/1.1 on both sides, one request at a time per connection. Addresses that the backend hands out (signed upload URLs)
are rewritten so that they lead through the proxy, too.
"""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal["answer", "hang", "cut", "lose", "delay"]
Route = Literal["graphql", "file_stream", "upload", "other"]


@dataclass
class Fault:
    """What goes wrong, and how often.

    - `answer`: the backend never sees the request; `status`, `headers` and `body` are answered
    - `hang`: nothing is answered until the proxy is told to `release`
    - `cut`: the backend works, half of its answer is passed on, then the connection is cut
    - `lose`: the backend works, its answer is lost with the connection
    - `delay`: the request waits `seconds` before it is passed on
    """

    kind: Kind
    routes: tuple[Route, ...] = ("graphql", "file_stream", "upload")
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error":"as the test wants it"}'
    seconds: float = 0.0
    matching: Callable[["Seen"], bool] | None = None

    def wants(self, seen: "Seen") -> bool:
        """Whether this request is hit."""
        return self.times > 0 and seen.route in self.routes and (self.matching is None or self.matching(seen))


@dataclass
class Seen:
    """One request as it passed."""

    time: float
    method: str
    target: str
    route: Route
    authorization: bool
    body: bytes
    status: int | None = None
    fault: str | None = None


class Chaos:
    """The proxy, in a thread with an event loop of its own."""

    def __init__(self, upstream: str, kept: int = 1 << 20, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a loopback port; `upstream` is the backend's address.

        The first `kept` bytes of each body are remembered. With `tls` clients speak TLS to the proxy.
        """
        self._kept = kept
        self._tls = tls
        self.connections = 0
        split = urlsplit(upstream)
        assert split.hostname is not None
        assert split.port is not None
        self._upstream = (split.hostname, split.port)
        self._origin = f"{split.hostname}:{split.port}".encode()
        self._port = 0
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._seen: list[Seen] = []
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos", daemon=True)
        self._thread.start()
        self.up()

    @property
    def url(self) -> str:
        """What a trainer uses as its base URL."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port, which stays the same."""
        return self._port

    def inject(self, *faults: Fault) -> None:
        """Add faults; of those that want a request, the first one added hits it."""
        with self._lock:
            self._faults.extend(faults)

    def pending(self) -> int:
        """Return how many faults have not happened yet."""
        with self._lock:
            return sum(fault.times for fault in self._faults)

    def heal(self) -> None:
        """Forget all faults that have not happened yet."""
        with self._lock:
            self._faults.clear()

    def release(self) -> None:
        """Let requests that hang end with a cut connection."""
        self._loop.call_soon_threadsafe(self._released.set)

    def seen(self, route: Route | None = None) -> list[Seen]:
        """Return the requests so far, in the order in which they came."""
        with self._lock:
            return [seen for seen in self._seen if route in (None, seen.route)]

    def down(self) -> None:
        """Refuse connections, and cut those that are open."""
        self._call(self._down())

    def up(self) -> None:
        """Accept connections, always on the same port."""
        self._call(self._up())

    def present(self, tls: ssl.SSLContext) -> None:
        """Cut all connections and go on with another certificate."""
        self.down()
        self._tls = tls
        self.up()

    def close(self) -> None:
        """End the proxy."""
        self.release()
        self._call(self._down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def _call(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _up(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=1 << 20, ssl=self._tls)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()
        # One turn of the loop for the connections' tasks to see their end.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Pass on one request; whether the connection may be used for another."""
        head = await reader.readuntil(b"\r\n\r\n")
        line, headers = _parse(head)
        method, target, _ = line.split(" ", 2)
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _body(reader, headers)
        seen = Seen(time.monotonic(), method, target, _route(method, target), "authorization" in headers, body[: self._kept])
        fault = self._take(seen)
        if fault is not None and fault.kind == "answer":
            seen.status = fault.status
            writer.write(_answer(fault.status, fault.headers, fault.body))
            await writer.drain()
            return True
        if fault is not None and fault.kind == "hang":
            await self._released.wait()
            return False
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)  # The injected fault itself: a backend that is this slow.
        status, answer_headers, answer = await self._ask(method, target, headers, body)
        seen.status = status
        if seen.route in ("graphql", "other"):
            for origin in (self._origin, self._origin.replace(b"127.0.0.1", b"localhost")):
                answer = answer.replace(b"http://" + origin, self.url.encode()).replace(origin, f"127.0.0.1:{self._port}".encode())
        whole = _answer(status, answer_headers, answer, head_only=method == "HEAD")
        if fault is not None and fault.kind == "lose":
            writer.transport.abort()
            return False
        if fault is not None and fault.kind == "cut":
            writer.write(whole[: len(whole) - len(answer) // 2 - 1])
            await writer.drain()
            return False
        writer.write(whole)
        await writer.drain()
        return True

    def _take(self, seen: Seen) -> Fault | None:
        with self._lock:
            self._seen.append(seen)
            for fault in self._faults:
                if fault.wants(seen):
                    fault.times -= 1
                    seen.fault = fault.kind
                    return fault
        return None

    async def _ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await asyncio.open_connection(*self._upstream, limit=1 << 20)
        try:
            dropped = ("host", "connection", "accept-encoding", "transfer-encoding", "content-length", "expect")
            kept = {name: value for name, value in headers.items() if name not in dropped}
            kept |= {"host": self._origin.decode(), "connection": "close", "content-length": str(len(body))}
            lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in kept.items()), "", ""]
            writer.write("\r\n".join(lines).encode("latin-1") + body)
            await writer.drain()
            line, answer_headers = _parse(await reader.readuntil(b"\r\n\r\n"))
            status = int(line.split(" ")[1])
            if method == "HEAD" or status in (204, 304):
                answer = b""
            elif "content-length" in answer_headers or "transfer-encoding" in answer_headers:
                answer = await _body(reader, answer_headers)
            else:
                answer = await reader.read()
            return status, answer_headers, answer
        finally:
            writer.close()


def _parse(head: bytes) -> tuple[str, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in rest:
        if line:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
    return first, headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
            if size == 0:
                return b"".join(parts)
    return await reader.readexactly(int(headers.get("content-length", "0")))


def _answer(status: int, headers: dict[str, str], body: bytes, head_only: bool = False) -> bytes:
    kept = {name: value for name, value in headers.items() if name not in ("connection", "transfer-encoding", "content-length")}
    if not head_only:
        kept["content-length"] = str(len(body))
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in kept.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if head_only else body)


def _route(method: str, target: str) -> Route:
    path = urlsplit(target).path
    if method == "PUT":
        return "upload"
    if path.endswith("/graphql"):
        return "graphql"
    if path.endswith("/file_stream"):
        return "file_stream"
    return "other"
