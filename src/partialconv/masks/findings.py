"""What is wrong with the picture of a hole, as data."""

from dataclasses import dataclass

from partialconv.errors import InputError
from partialconv.masks.morphology import Hole


@dataclass(frozen=True)
class Finding:
    """A fault of a picture that marks a hole.

    Args:
        code: "alpha", "ambiguous", "copy", "photo", "jpeg", "grey", "contrast", "size", "shape", "inverted", "empty" or
            "full".
        message: What was found, and what was made of it.
        fix: What to do about it.
        fatal: Whether nothing can be filled with it ("photo", "ambiguous", "shape", "inverted", "empty", "full").
    """

    code: str
    message: str
    fix: str
    fatal: bool = False

    def __str__(self) -> str:
        return f"{self.message}: {self.fix}."


@dataclass(frozen=True)
class Diagnosis:
    """A hole, and what was wrong with the picture of it.

    Args:
        hole: (H, W), True = hole. Of the picture's own size if a finding is "shape".
        findings: None for a clean picture.
        opaque: Whether the hole was erased from the photo itself, and becomes opaque.
    """

    hole: Hole
    findings: tuple[Finding, ...] = ()
    opaque: bool = False

    def accept(self, strict: bool = False) -> Hole:
        """The hole, if it can be used.

        Args:
            strict: Refuse it for any finding, not for the fatal ones alone.

        Raises:
            InputError: the first finding that forbids it.
        """
        for finding in sorted(self.findings, key=lambda finding: not finding.fatal):
            if finding.fatal or strict:
                raise InputError(str(finding))
        return self.hole
