"""Two reports side by side: what changed, on the pairs that both have."""

from partialconv.benchmark.metrics import METRICS
from partialconv.benchmark.report import ReportData, pairs_of, scores_of
from partialconv.benchmark.statistics import interval
from partialconv.benchmark.tables import cell, grid, spread
from partialconv.errors import InputError


def compare(before: ReportData, after: ReportData) -> str:
    """A table in Markdown of the paired differences, after minus before.

    Raises:
        InputError: the reports have no method, or no pair, in common.
    """
    places = [
        {(pair.photo_sha256, pair.mask_sha256): number for number, pair in enumerate(pairs_of(data))}
        for data in (before, after)
    ]
    common = [key for key in places[0] if key in places[1]]
    methods = [name for name in before["methods"] if name in after["methods"]]
    if not common or not methods:
        raise InputError(
            f"the reports share {len(methods)} methods and {len(common)} pairs of photo and mask: nothing to compare."
        )
    rows = []
    for name in methods:
        first, second = scores_of(before, name), scores_of(after, name)
        for metric, about in METRICS.items():
            if metric not in first or metric not in second:
                continue
            old = [first[metric][places[0][key]] for key in common]
            new = [second[metric][places[1][key]] for key in common]
            photos = [photo for photo, _ in common]
            change = vars(interval([b - a for a, b in zip(old, new, strict=True)], photos))
            means = [f"{interval(values, photos).mean:.{about.digits}f}" for values in (old, new)]
            verdict = _verdict(change["low"], change["high"], about.higher_is_better, old == new)
            rows.append([cell(name), about.label, *means, spread(change, about.digits, signed=True), verdict])
    lines = [f"{len(common)} pairs in both, of {len(places[0])} and {len(places[1])}.", ""]
    lines += grid(["", "", "before", "after", "change [95 %]", ""], rows, 2)
    for name in methods:
        old_id, new_id = (data["methods"][name]["identity"] for data in (before, after))
        if old_id != new_id:
            lines += ["", f"{name} before: {old_id}; after: {new_id}"]
    return "\n".join(lines) + "\n"


def _verdict(low: float | None, high: float | None, higher_is_better: bool, equal: bool) -> str:
    if equal:
        return "equal"
    if low is None or high is None or low <= 0 <= high:
        return "no clear change"
    return "better" if (low > 0) == higher_is_better else "worse"
