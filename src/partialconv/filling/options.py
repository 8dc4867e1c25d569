"""What can be chosen about a fill: every default, range and help text stands here, and nowhere else.

The flags of the command line, the fields of the server's form, its OpenAPI document and docs/options.md are made from
`FillOptions`. This file needs no library, so that `--help` is quick.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Self, get_args, get_origin, get_type_hints

from partialconv.errors import InputError

# as forms and generated clients write them
TRUTHS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


@dataclass(frozen=True)
class About:
    """What is said of an option, beside its name, type and default.

    Args:
        help: One sentence.
        flag: On the command line; "" = the name, with hyphens.
        most: The largest value; the smallest is 0.
        unset: What None means.
        local: Whether it is for commands and Python alone: a server's clients cannot choose it.
    """

    help: str
    flag: str = ""
    most: int | None = None
    unset: str = ""
    local: bool = False


@dataclass(frozen=True)
class FillOptions:
    """How a hole is filled. The same fields are the arguments of `partialconv.fill` and the options of all commands.

    Raises:
        InputError: a value is of another type, or out of range.

    Example:
        >>> FillOptions(grow_px=3).grow_px
        3
    """

    model: Annotated[
        str | Path | None,
        About(
            "A file written by `partialconv export`, or the name of a shipped model (see `partialconv models`).",
            unset="the default model",
        ),
    ] = None
    hole_color: Annotated[
        Literal["auto", "white", "black"],
        About("The colour that marks the hole in its picture; auto is white, but refuses what looks inverted."),
    ] = "auto"
    grow_px: Annotated[int, About("Grow the hole by this many pixels in all directions.", flag="--grow", most=500)] = 0
    strict: Annotated[bool, About("Refuse a hole that something is wrong with, instead of warning.")] = False
    hole_from_alpha: Annotated[
        bool,
        About(
            "Fill what an eraser touched in the photo, however softly; it becomes opaque.",
            flag="--holes-from-alpha",
            local=True,
        ),
    ] = False
    anchor: Annotated[
        Literal[
            "none", "top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"
        ],
        About("Where a hole of another size is laid on the photo, unscaled; none resizes it."),
    ] = "none"
    grain: Annotated[bool, About("Continue the photo's grain into the fill; without it the fill is smoother.")] = True
    ringing: Annotated[
        bool,
        About("Fill the ripples around the hole, too, where a JPEG becomes a JPEG, within the 8x8 blocks."),
    ] = True
    copy: Annotated[bool, About("Fill wide holes with detail of the photo itself; without it they are blurred.")] = True
    runtime: Annotated[
        Literal["onnxruntime", "torch", "openvino"],
        About("The library that runs the network.", local=True),
    ] = "onnxruntime"
    device: Annotated[
        str | None,
        About("The device: cpu, cuda or mps of torch, CPU or GPU of openvino.", unset="the CPU", local=True),
    ] = None
    precision: Annotated[
        Literal["fp32", "bf16"],
        About("The precision that the network computes in; bf16 needs the runtime torch or openvino.", local=True),
    ] = "fp32"

    def __post_init__(self) -> None:
        for option in options():
            option.check(getattr(self, option.name))

    @classmethod
    def from_text(cls, values: Mapping[str, str]) -> Self:
        """Read options that came as text, as in a form.

        Raises:
            InputError: a value cannot be read or is out of range.
        """
        return cls(**{option.name: option.read(values[option.name]) for option in options() if option.name in values})


@dataclass(frozen=True)
class Option:
    """A field of `FillOptions`.

    Args:
        name: Of the field.
        kind: Its type; a `Literal` or a union for some.
        default: Its default.
        about: What is said of it.
    """

    name: str
    kind: Any
    default: Any
    about: About

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a `Literal`."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return self.about.flag or f"--{self.name.replace('_', '-')}"

    @property
    def expected(self) -> str:
        """The values that are taken, in words."""
        if self.kind is bool:
            return "true or false"
        if self.kind is int:
            return f"whole pixels, 0 to {self.about.most}"
        return " or ".join(self.choices) if len(self.choices) < 3 else f"one of {', '.join(self.choices)}"

    def check(self, value: Any) -> None:
        """Refuse what is no value of this option.

        Raises:
            InputError: it is of another type, or out of range.
        """
        if self.choices:
            fits = value in self.choices
        elif self.kind is int:
            most = self.about.most
            fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0 and (not most or value <= most)
        else:
            kinds = get_args(self.kind) if isinstance(self.kind, UnionType) else (self.kind,)
            fits = isinstance(value, kinds)
        if not fits:
            raise InputError(f"{self.name} is {value!r:.40}, expected {self.expected}.")

    def read(self, text: str) -> Any:
        """The value that a text stands for.

        Raises:
            InputError: it stands for none.
        """
        if self.kind is bool and text.lower() in TRUTHS:
            return TRUTHS[text.lower()]
        if self.kind is int and text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        if self.kind not in (bool, int):
            return text
        raise InputError(f"{self.name} is {text[:40]!r}, expected {self.expected}.")


@cache
def options() -> tuple[Option, ...]:
    """All options, in their order."""
    found = get_type_hints(FillOptions, include_extras=True)
    defaults = {field.name: field.default for field in fields(FillOptions)}
    return tuple(Option(name, *_split(hint, defaults[name])) for name, hint in found.items())


def _split(hint: Any, default: Any) -> tuple[Any, Any, About]:
    kind, about = get_args(hint)
    return kind, default, about
