"""The addresses that take files, and which fields their forms have."""

from dataclasses import dataclass, fields

from partialconv.filling.find_options import FindOptions
from partialconv.filling.options import options


@dataclass(frozen=True)
class Post:
    """An address that takes files.

    Args:
        work: What is done with them: a method of `engine.Engine`.
        files: Fields that hold files.
        needed: The fields that must be there.
        options: Fields that hold text.
        report_only: Whether the report alone goes back, where nothing else is asked for.
    """

    work: str
    files: tuple[str, ...]
    needed: tuple[str, ...]
    options: tuple[str, ...]
    report_only: bool = False


TICKET = "ticket"  # by which a client can ask how far its work is; of its own choosing, so that nobody else knows it
TICKET_PATTERN = "^[0-9a-f]{16,64}$"
KEPT, KEEP = "kept", "keep"  # names of photos that stay decoded; of the client's own choosing, too
NAME_PATTERN = "^[0-9a-f]{32,64}$"
FILLING = tuple(option.name for option in options() if not option.about.local)
READING = ("hole_color", "grow_px")  # options of how the picture of a hole is read
POSTS = {
    "/api/fill": Post(
        "fill",
        files=("photo", "hole"),
        needed=("photo", "hole"),
        options=(*FILLING, TICKET),
    ),
    "/api/change": Post("change", files=("hole",), needed=("hole", KEPT, KEEP), options=(*FILLING, KEPT, KEEP, TICKET)),
    "/api/result": Post("result", files=(), needed=(KEPT,), options=(KEPT,)),
    "/api/find": Post(
        "find",
        files=("photo", "hole"),
        needed=("photo",),
        options=(*(option.name for option in fields(FindOptions)), TICKET),
    ),
    "/api/doctor": Post("doctor", files=("photo", "hole"), needed=("hole",), options=READING, report_only=True),
    "/api/plan": Post(
        "plan", files=("hole",), needed=("hole",), options=("model", *READING, "strict"), report_only=True
    ),
    "/api/look": Post("look", files=("photo",), needed=("photo",), options=(KEEP,), report_only=True),
    "/api/show": Post("show", files=("photo",), needed=("photo",), options=()),
}
