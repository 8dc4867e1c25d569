"""What can be chosen about a find: defaults and help texts. Like `options`, this file needs no library."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from partialconv.errors import InputError

KINDS = ("dust", "scratches", "cracks", "stamp", "text")  # those of `finding.KINDS`, which needs NumPy
HELP = {
    "kinds": f"What to look for, by commas: {', '.join(KINDS)}.",
    "sensitivity": "More finds more, and more that is no damage; 0.5 = as measured.",
    "largest_px": "Leave out finds that are longer than this, in pixels.",
}
Answers = Literal["parts", "hole", "map"]
HoleColors = Literal["auto", "white", "black"]


@dataclass(frozen=True)
class FindOptions:
    """How damage is looked for by the server.

    Args:
        kinds: Of damage, some of `KINDS`.
        sensitivity: In [0, 1]; more finds more, and more that is no damage.
        largest_px: Finds whose box has a longer side than this are left out; None keeps all.
        hole_color: The colour that marks the hole that is known already.
        answer: What goes back: the parts as JSON, the hole, or the map of all sensitivities.
    """

    kinds: tuple[str, ...] = KINDS
    sensitivity: float = 0.5
    largest_px: int | None = None
    hole_color: HoleColors = "auto"
    answer: Answers = "parts"

    @classmethod
    def from_text(cls, values: Mapping[str, str]) -> Self:
        """Read options that came as text, as in a form.

        Raises:
            InputError: a value cannot be read or is out of range.
        """
        return cls(**{name: _READERS[name](name, text.strip()) for name, text in values.items()})


def _kinds(name: str, text: str) -> tuple[str, ...]:
    kinds = tuple(kind.strip() for kind in text.split(",") if kind.strip())
    if not kinds or not set(kinds) <= set(KINDS):
        raise InputError(f"{name} is {text[:40]!r}, expected some of {', '.join(KINDS)}, by commas.")
    return kinds


def _share(name: str, text: str) -> float:
    value = float(text) if re.fullmatch(r"[0-9]{0,20}\.?[0-9]{1,20}", text, re.ASCII) else -1
    if not 0 <= value <= 1:
        raise InputError(f"{name} is {text[:40]!r}, expected a number from 0 to 1.")
    return value


def _pixels(name: str, text: str) -> int:
    value = int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else 0
    if value < 1:
        raise InputError(f"{name} is {text[:40]!r}, expected a whole number of pixels from 1 on.")
    return value


def _one_of(*choices: str) -> Any:
    def read(name: str, text: str) -> str:
        if text not in choices:
            raise InputError(f"{name} is {text[:40]!r}, expected one of {', '.join(choices)}.")
        return text

    return read


_READERS = {
    "kinds": _kinds,
    "sensitivity": _share,
    "largest_px": _pixels,
    "hole_color": _one_of(*get_args(HoleColors)),
    "answer": _one_of(*get_args(Answers)),
}
