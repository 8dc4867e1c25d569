"""How much a request may bring, take and last."""

import errno
from dataclasses import dataclass

from partialconv.server.problem import Problem

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Limits:
    """What the server takes.

    Args:
        max_bytes: Of a whole request.
        max_pixels: Of a photo, and of the picture of a hole.
        max_waiting: Requests that wait while one is filled; twice as many may be on their way in.
        max_memory: Bytes that the work of one request may take; never more than the machine has free.
        work_s: Longest time that the work of one request may take, in seconds, without the wait in the queue.
        idle_s: Longest silence of a client, within a request, between its headers or before it takes more of its
            answer, in seconds.
        kept_bytes: Of decoded photos that are kept between the fills of visits, all together.
        kept_s: A photo that is not asked for is forgotten after so many seconds.
        slowest_bytes: A second, on average, of a body or an answer that has taken longer than `idle_s`.
    """

    max_bytes: int = 100_000_000
    max_pixels: int = 100_000_000
    max_waiting: int = 16
    max_memory: int = 6_000_000_000
    work_s: float = 120.0
    idle_s: float = 10.0
    slowest_bytes: int = 16_384
    kept_bytes: int = 400_000_000
    kept_s: float = 600.0


def no_space() -> Problem:
    """What is said where the temporary folder takes no more."""
    message = "the server's temporary folder is full or cannot be written: free space there, then try again."
    return Problem(507, "disk", message)
