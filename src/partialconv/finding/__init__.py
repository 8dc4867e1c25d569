"""Finding damage: from a photo to a proposal of its hole."""

from partialconv.finding.api import find
from partialconv.finding.finder import KINDS, DamageFinder, DamageMap, Found, find_bytes, finder_path
from partialconv.finding.parts import Part
from partialconv.finding.search import Search, looked_at, open_finder

__all__ = [
    "KINDS",
    "DamageFinder",
    "DamageMap",
    "Found",
    "Part",
    "Search",
    "find",
    "find_bytes",
    "finder_path",
    "looked_at",
    "open_finder",
]
