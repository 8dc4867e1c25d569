"""What is reported of a fill, as data."""

from dataclasses import asdict, dataclass
from typing import Any

from partialconv.inference import Plan
from partialconv.masks import Diagnosis, Finding


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
class Report:
    """What was found in a hole, and what was done about it.

    Args:
        width: Of the photo as it is stored, in pixels.
        height: Of the photo as it is stored, in pixels.
        hole_ratio: Share of hole pixels, 0 to 1.
        findings: What is wrong with the picture of the hole.
        plan: None if nothing was planned.
        loss: What is not exact in the file, where this machine lacks what would make it so; None = nothing.
    """

    width: int
    height: int
    hole_ratio: float
    findings: tuple[Finding, ...]
    plan: PlanSummary | None = None
    loss: str | None = None

    @property
    def usable(self) -> bool:
        """Whether the hole can be filled."""
        return not any(finding.fatal for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; without plan and loss if there is none."""
        content = asdict(self) | {"usable": self.usable}
        content["findings"] = [asdict(finding) for finding in self.findings]
        return {name: value for name, value in content.items() if value is not None}


def report_of(found: Diagnosis, steps: Plan | None = None, loss: str | None = None) -> Report:
    """Sum up a hole, the plan of its fill, and what writing it lost."""
    height, width = found.hole.shape
    ratio = round(float(found.hole.mean()), 6)
    return Report(width, height, ratio, found.findings, None if steps is None else summary_of(steps), loss)


def summary_of(steps: Plan) -> PlanSummary:
    """Sum up a plan."""
    return PlanSummary(steps.num_crops, steps.num_pixels, max(stage.scale for stage in steps.stages))
