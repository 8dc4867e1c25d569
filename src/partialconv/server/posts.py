"""The addresses that take files, and which fields their forms have."""

from dataclasses import dataclass

from partialconv.filling.options import options


@dataclass(frozen=True)
class Post:
    """An address that takes files.

    Args:
        work: What is done with them: a method of `engine.Engine`.
        files: Fields that hold files; of these, `needed` must be there.
        options: Fields that hold text.
        report_only: Whether the report alone goes back, where nothing else is asked for.
    """

    work: str
    files: tuple[str, ...]
    needed: tuple[str, ...]
    options: tuple[str, ...]
    report_only: bool = False


READING = ("hole_color", "grow_px")  # options of how the picture of a hole is read
POSTS = {
    "/api/fill": Post(
        "fill",
        files=("photo", "hole"),
        needed=("photo", "hole"),
        options=tuple(option.name for option in options() if not option.about.local),
    ),
    "/api/doctor": Post("doctor", files=("photo", "hole"), needed=("hole",), options=READING, report_only=True),
    "/api/plan": Post(
        "plan", files=("hole",), needed=("hole",), options=("model", *READING, "strict"), report_only=True
    ),
    "/api/show": Post("show", files=("photo",), needed=("photo",), options=()),
}
