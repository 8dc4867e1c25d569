"""What is reported of a fill, as data."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from partialconv.conventions import Hole
from partialconv.inference import Plan, widest_px
from partialconv.inference.copying import THICK_PX
from partialconv.inference.patchmatch import is_available
from partialconv.masks import Diagnosis, Finding

WIDE_PX = 2 * THICK_PX  # holes up to here are filled by the network alone


@dataclass(frozen=True)
class PlanSummary:
    """What a plan makes the network do.

    Args:
        num_crops: Its runs, at all scales.
        num_pixels: What it computes, in all crops and scales.
        coarsest_scale: 1 = the photo itself, 2 = half its size, and so on.
    """

    num_crops: int
    num_pixels: int
    coarsest_scale: int


@dataclass(frozen=True)
class Finds:
    """Damage that was found in a photo.

    Args:
        parts: How many of each kind, the most frequent first.
        share: Of the photo's pixels, 0 to 1.
        width: Of the photo as it is shown, in pixels.
        height: Of the photo as it is shown, in pixels.
    """

    parts: dict[str, int]
    share: float
    width: int
    height: int

    def __str__(self) -> str:
        if not self.parts:
            return f"nothing was found in {self.width}x{self.height} pixels"
        each = ", ".join(f"{count} {name}" for name, count in self.parts.items())
        return f"found {each}: {self.share:.2%} of {self.width}x{self.height} pixels"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"num_parts": sum(self.parts.values()), "kinds": self.parts, "share": self.share}


@dataclass(frozen=True)
class Report:
    """What was found in a hole, and what was done about it.

    Args:
        width: Of the photo as it is stored, in pixels.
        height: Of the photo as it is stored, in pixels.
        hole_ratio: Share of hole pixels, 0 to 1.
        findings: What is wrong with the picture of the hole.
        remarks: What else the user should know about the photo and the result; sentences without a full stop.
        plan: None if nothing was planned.
        finds: What was found, if the hole was looked for.
    """

    width: int
    height: int
    hole_ratio: float
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...] = ()
    plan: PlanSummary | None = None
    finds: Finds | None = None

    @property
    def usable(self) -> bool:
        """Whether the hole can be filled."""
        return not any(finding.fatal for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; without plan or finds if there are none."""
        content = asdict(self) | {"usable": self.usable}
        content["remarks"] = list(self.remarks)
        content["findings"] = [asdict(finding) for finding in self.findings]
        content["finds"] = None if self.finds is None else self.finds.as_dict()
        for name in ("plan", "finds"):
            if content[name] is None:
                del content[name]
        return content


def report_of(
    found: Diagnosis, steps: Plan | None = None, remarks: tuple[str, ...] = (), finds: Finds | None = None
) -> Report:
    """Sum up a hole, the plan of its fill, and what else there is to say."""
    height, width = found.hole.shape
    ratio = round(int(np.count_nonzero(found.hole)) / found.hole.size, 6)
    return Report(width, height, ratio, found.findings, remarks, None if steps is None else summary_of(steps), finds)


def about_width(hole: Hole, steps: Plan, copied: bool) -> tuple[str, ...]:
    """A remark if a hole is wider than what the network fills well.

    Args:
        hole: (H, W), True = was filled.
        steps: The plan of its fill.
        copied: Whether detail of the photo was wanted.
    """
    widest = widest_px(hole, steps)
    if widest < WIDE_PX:
        return ()
    if copied and not is_available():
        why = "the package pypatchmatch does not work here, so it is blurred: install it (pip install pypatchmatch)"
    elif copied:
        why = "what was there is not known, and other parts of the photo took its place: look at the result closely"
    else:
        why = "without copies of the photo it is blurred: fill it with them"
    return (f"the hole is up to {widest} pixels wide, and beyond {WIDE_PX} {why}",)


def summary_of(steps: Plan) -> PlanSummary:
    """Summarise a plan for the report."""
    return PlanSummary(steps.num_crops, steps.num_pixels, max(stage.scale for stage in steps.stages))
