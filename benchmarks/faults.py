"""What `partialconv serve` survives: broken files, bombs, killed processes and clients that never read.

    python benchmarks/faults.py [--files 1000] [--kills 10] [--clients 520] > benchmarks/faults.md

Starts a server of its own on the loopback address, and asks it for a fill after each fault: it has to give the bytes
that it gave before the first. All numbers are bounded, and nothing but this server is asked. Needs Linux.
"""

import argparse
import collections
import datetime
import os
import platform
import random
import socket
import struct
import time
import zlib
from collections.abc import Callable

import httpx
from PIL import Image
from serve import camera_photo, children, encoded, memory_mb, scribble, serving

PIECE = 1 << 20


def mutated(rng: random.Random, data: bytes) -> bytes:
    """A file with bytes changed, removed or repeated, most of them in its head."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(min(len(content), rng.choice((64, 600, len(content)))))
        match rng.randrange(4):
            case 0:
                content[at] = rng.randrange(256)
            case 1:
                number = rng.choice((0, 1, 0xFFFF, 0x7FFFFFFF, 2**32 - 1))
                content[at : at + 4] = struct.pack(rng.choice("<>") + "I", number)
            case 2:
                del content[at : at + rng.randrange(1, 100)]
            case _:
                content[at:at] = content[at : at + rng.randrange(1, 100)]
    return bytes(content) or b"\0"


def flat_png(width: int, height: int, depth: int = 1) -> bytes:
    """A PNG of zeros, of any size in a few kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, left, packed = zlib.compressobj(9), height * (width * depth // 8 + 1), []
    while left > 0:
        packed.append(packer.compress(bytes(min(left, PIECE))))
        left -= PIECE
    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    rows = b"".join([*packed, packer.flush()])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tall_tiff(num_pages: int) -> bytes:
    """A TIFF of many pages of 8x8 pixels."""
    tags = [(256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 8), (279, 64)]
    body = struct.pack("<H", 9) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    size = len(body) + 4
    pages = (body + struct.pack("<I", 72 + size * (n + 1) if n < num_pages - 1 else 0) for n in range(num_pages))
    return b"II*\0" + struct.pack("<I", 72) + bytes(64) + b"".join(pages)


def worker_of(pid: int) -> int:
    """The process that fills, of a server; a new one may be about to start."""
    while not (found := children(pid)):
        time.sleep(0.01)
    return found[0]


def never_read(address: str, number: int) -> list[socket.socket]:
    """Clients that ask for a file of the page again and again, and read nothing."""
    host, _, port = address.removeprefix("http://").partition(":")
    ask, held = b"GET /samples/lettering.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", []
    for _ in range(number):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect((host, int(port)))
        one.sendall(40 * ask)
        held.append(one)
    return held


def main() -> None:
    """Attack, and print a page of Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--clients", type=int, default=520)
    given = parser.parse_args()
    rng = random.Random(0)
    photo, hole = camera_photo(96, 80), encoded(Image.fromarray(scribble(96, 80, 40)), "PNG")
    formats = {name: encoded(photo, name) for name in ("JPEG", "PNG", "WEBP", "TIFF", "BMP")}
    good = {"photo": formats["PNG"], "hole": hole}
    rows: list[tuple[str, int, str, str]] = []

    with serving() as (address, pid), httpx.Client(base_url=address, timeout=180) as client:
        expected = client.post("/api/fill", files=good).content

        def lost() -> bool:
            answer = client.post("/api/fill", files=good)
            return answer.status_code != 200 or answer.content != expected

        def attack(name: str, times: int, fault: Callable[[], str]) -> None:
            answers: collections.Counter[str] = collections.Counter()
            num_lost = 0
            for number in range(times):
                answers[fault()] += 1
                if number % 50 == 49 or times < 50:
                    num_lost += lost()
            told = ", ".join(f"{count} x {answer}" for answer, count in sorted(answers.items()))
            rows.append((name, times, told, str(num_lost)))

        def ask(path: str, files: dict[str, bytes]) -> str:
            answer = client.post(path, files=files)
            return str(answer.status_code) if answer.status_code == 200 else answer.json()["error"]["code"]

        def broken() -> str:
            bad = mutated(rng, formats[rng.choice(list(formats))])
            files = {"photo": bad, "hole": hole} if rng.random() < 0.5 else {"photo": formats["PNG"], "hole": bad}
            return ask("/api/fill", files)

        def killed() -> str:
            os.kill(worker_of(pid), 9)
            return ask("/api/fill", good)

        attack("mutated files", given.files, broken)
        bombs = [flat_png(1, 100_000_000, 8), flat_png(60_000, 60_000), flat_png(70_000, 100), tall_tiff(60_000)]
        attack("bombs", len(bombs), lambda: ask("/api/doctor", {"hole": bombs.pop()}))
        attack("kills of the process that fills", given.kills, killed)
        began = time.perf_counter()
        crowd = never_read(address, given.clients)
        waits = []
        while time.perf_counter() - began < 15:
            asked = time.perf_counter()
            with httpx.Client(base_url=address, timeout=30) as other:
                other.get("/healthz").raise_for_status()
            waits.append(time.perf_counter() - asked)
            time.sleep(0.5)
        told = f"others wait {max(waits):.2f} s at most"
        rows.append(("clients that ask and never read", given.clients, told, str(int(lost()))))
        for one in crowd:
            one.close()
        held_mb = memory_mb(pid)

    date = datetime.datetime.now(tz=datetime.UTC).date()
    print("# `partialconv serve`, attacked\n")
    print(f"`python benchmarks/faults.py`, {date}, {os.cpu_count()} cores {platform.machine()}.", end="")
    print(" Client and server share the machine.\n")
    print("| fault | number | answers | good fills lost afterwards |\n|---|---:|---|---:|")
    for name, number, told, num_lost in rows:
        print(f"| {name} | {number} | {told} | {num_lost} |")
    print(f"\nAfterwards the server and the process that fills hold {held_mb:.0f} MB.")


if __name__ == "__main__":
    main()
