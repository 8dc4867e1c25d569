"""What is wrong with the picture of a hole, as data."""

from dataclasses import dataclass

from partialconv.conventions import Hole
from partialconv.errors import InputError


@dataclass(frozen=True)
class Finding:
    """A fault of a picture that marks a hole.

    Args:
        code: "alpha", "jpeg", "grey", "contrast", "size", "shape", "inverted", "empty" or "full".
        message: What was found, and what was made of it.
        fix: What to do about it.
        fatal: Whether nothing can be filled with it ("shape", "empty", "full").
    """

    code: str
    message: str
    fix: str
    fatal: bool = False

    def __str__(self) -> str:
        return f"{self.message}: {self.fix}."


class HoleError(InputError):
    """A hole that cannot be used, or that was refused.

    Args:
        finding: Why.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(frozen=True)
class Diagnosis:
    """A hole, and what was wrong with the picture of it.

    Args:
        hole: (H, W), True = hole. Of the picture's own size if a finding is "shape".
        findings: None for a clean picture.
    """

    hole: Hole
    findings: tuple[Finding, ...] = ()

    def accept(self, strict: bool = False) -> Hole:
        """The hole, if it can be used.

        Args:
            strict: Refuse it for any finding, not for the fatal ones alone.

        Raises:
            HoleError: the first finding that forbids it.
        """
        for finding in sorted(self.findings, key=lambda finding: not finding.fatal):
            if finding.fatal or strict:
                raise HoleError(finding)
        return self.hole
