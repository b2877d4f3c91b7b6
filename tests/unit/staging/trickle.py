"""A crowd of slow clients, as a process of its own: ``python trickle.py SOCKET CLIENTS SECONDS``.

Each sends at most 10 KiB a second, a piece at a time, and closes. The next piece goes when the server has answered the
one before with a byte, so that a piece is all it finds in one read, however busy the machine is. Prints the number of
bytes that each has sent.
"""

import asyncio
import resource
import sys

PIECE = bytes(range(256)) * 10
PIECES_PER_SECOND = 4


async def client(path: str, number: int, count: int, pieces: int) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    # Spread over the first quarter of a second, so that they do not all send at the same moment.
    await asyncio.sleep(number / count / PIECES_PER_SECOND)
    for _ in range(pieces):
        writer.write(PIECE)
        await asyncio.gather(asyncio.sleep(1 / PIECES_PER_SECOND), reader.readexactly(1))
    writer.close()
    await writer.wait_closed()


async def crowd(path: str, count: int, seconds: float) -> None:
    pieces = int(seconds * PIECES_PER_SECOND)
    await asyncio.gather(*(client(path, number, count, pieces) for number in range(count)))
    print(pieces * len(PIECE))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(crowd(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
