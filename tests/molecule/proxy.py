"""A proxy that only passes bytes on, and notes for whom and whither: `python -m tests.molecule.proxy PORT LOG`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


async def _serve(port: int, log: Path) -> None:
    async def connect(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            head = await source.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # somebody who only looked whether the proxy is there
            sink.close()
            return
        method, target, _version = head.decode().split("\r\n")[0].split(" ")
        with log.open("a") as file:
            file.write(f"{sink.get_extra_info('peername')[0]} {method} {target}\n")
        host, _colon, its_port = target.rpartition(":")
        far_source, far_sink = await asyncio.open_connection(host, int(its_port))
        sink.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(source, far_sink), _copy(far_source, sink))

    server = await asyncio.start_server(connect, "0.0.0.0", port)
    log.touch()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
