"""Finding damage: from a photo to a proposal of its hole."""

from partialconv.finding.api import find
from partialconv.finding.finder import KINDS, DamageFinder, Found, finder_path
from partialconv.finding.parts import Part

__all__ = ["KINDS", "DamageFinder", "Found", "Part", "find", "finder_path"]
