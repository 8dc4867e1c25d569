"""The report as one HTML page that needs nothing else: no network, no script, no second file."""

import base64
import io
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
from jinja2 import Environment, StrictUndefined
from markdown_it import MarkdownIt
from PIL import Image

from partialconv.benchmark.cases import RANKED_BY, Case
from partialconv.benchmark.metrics import METRICS
from partialconv.benchmark.pairing import Pairing, Pixels
from partialconv.benchmark.plots import over_ratio, over_time
from partialconv.benchmark.report import ReportData, scores_of
from partialconv.benchmark.statistics import ALL
from partialconv.benchmark.tables import markdown

LARGEST_PX = 320  # of a picture
BY_TIME = ("hole_psnr", "lpips", "ssim")


def page(data: ReportData, pairing: Pairing, cases: Sequence[Case], filled: dict[str, list[Pixels | None]]) -> str:
    """The whole report.html.

    Args:
        data: The report.
        pairing: For the photos of the cases.
        cases: What to show.
        filled: See `fill_cases`.
    """
    measured = [metric for metric in METRICS if metric in data["cells"][data["reference"]][f"{ALL} {ALL}"]]
    plots = [(METRICS[metric].label, _svg(over_ratio(data, metric))) for metric in measured]
    plots += [(f"{METRICS[m].label} against time", _svg(over_time(data, m))) for m in BY_TIME if m in measured][:2]
    head, _, rest = markdown(data).partition("\n## ")
    text = MarkdownIt("commonmark", {"html": False}).enable("table")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        head=text.render(head),
        tables=text.render("## " + rest),
        plots=plots,
        cases=[
            (case.title, f"{case.pair.photo}, {case.pair.mask}", _figures(data, pairing, case, number, filled))
            for number, case in enumerate(cases)
        ],
    )


def _figures(
    data: ReportData, pairing: Pairing, case: Case, number: int, filled: dict[str, list[Pixels | None]]
) -> list[tuple[str, str]]:
    """Captions and pictures of a case."""
    photo, hole = pairing.load(case.pair)
    figures = [("photo", _picture(photo)), ("holes", _picture(np.where(hole[..., None], np.uint8(255), photo)))]
    for name, comps in filled.items():
        comp = comps[number]
        value = scores_of(data, name)[RANKED_BY][case.pair.number]
        if comp is not None:
            figures.append((f"{name}, {value:.1f} dB", _picture(comp)))
    return figures


def _picture(pixels: Pixels) -> str:
    image, content = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((LARGEST_PX, LARGEST_PX), Image.Resampling.LANCZOS)
    image.save(content, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()


def _svg(text: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
