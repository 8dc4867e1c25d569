"""Dust is what blocks infrared; film that blocks it itself is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import partialconv
from partialconv import InputError
from partialconv.finding.finder import threshold_at
from partialconv.finding.infrared import blocked_by_dust, shift_between
from tests.finding.standin import write_standin

SIZE = (300, 420)
Scan = tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.bool_]]


def scan(leak: float = 0.1, shift: tuple[int, int] = (0, 0), light_dust: bool = False, depth: float = 0.5) -> Scan:
    """A photo of clouds, its infrared image, and where its dust is.

    Args:
        leak: Stops of infrared for each stop of red.
        shift: Down and across, of the infrared image.
        light_dust: As on an inverted negative.
        depth: The infrared that dust lets through.
    """
    rng = np.random.default_rng(1)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    red = 0.3 + 0.25 * np.sin(x / 37 + np.sin(y / 23)) * np.cos(y / 31) + rng.normal(0, 0.004, SIZE)
    red[:, 200:] *= 0.6  # an edge
    infrared = 0.7 * (red / 0.3) ** leak * (1 - 0.3 * x / SIZE[1])  # the light falls off to the right
    dust = np.zeros(SIZE, bool)
    for top, left in rng.integers(20, 270, (25, 2)):
        dust[top : top + 3, left : left + 4] = True
    dust[40:260, 333] = True  # a scratch
    red = np.where(dust, 0.85 if light_dust else depth * red, red)
    infrared = np.roll(np.where(dust, depth * infrared, infrared), shift, (0, 1)) + rng.normal(0, 0.003, SIZE)
    rgb = np.repeat(red[..., None], 3, 2).clip(0, 1)
    return (rgb * 65535).astype(np.uint16), (infrared.clip(0, 1) * 65535).astype(np.uint16), dust


@pytest.mark.parametrize("leak", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("bits", [8, 16])
def test_dust_and_scratches_are_found(leak: float, bits: int) -> None:
    rgb, infrared, dust = scan(leak)
    if bits == 8:
        rgb, infrared = (rgb >> 8).astype(np.uint8), (infrared >> 8).astype(np.uint8)
    found = blocked_by_dust(infrared, rgb, None, 0.4, "scan") >= 0.4
    assert found[dust].mean() > 0.98
    assert found[~dust].mean() < 1e-4


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-7, 11)])
@pytest.mark.parametrize("light_dust", [False, True])
def test_the_infrared_image_may_lie_elsewhere(shift: tuple[int, int], light_dust: bool) -> None:
    rgb, infrared, dust = scan(shift=shift, light_dust=light_dust)
    assert shift_between(infrared, rgb[..., 0]) == shift
    found = blocked_by_dust(infrared, rgb, None, 0.4, "scan") >= 0.4
    assert found[dust].mean() > 0.95 and found[~dust].mean() < 1e-3


def test_a_shift_that_cannot_be_told_is_none() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 65535, (2, 200, 300)).astype(np.uint16)
    assert shift_between(noise[0], noise[1]) == (0, 0)


def test_more_sensitivity_finds_fainter_dust() -> None:
    rgb, infrared, dust = scan(depth=0.95)
    shares = [
        float((blocked_by_dust(infrared, rgb, None, 0.4, "scan") >= threshold)[dust].mean())
        for threshold in (0.4, threshold_at(0.4, 1.0))
    ]
    assert shares[0] < 0.2 < 0.8 < shares[1]


@pytest.mark.parametrize("kind", ["silver", "holder"])
def test_film_that_blocks_infrared_is_refused(kind: str) -> None:
    rgb, infrared, _ = scan(leak=0.9 if kind == "silver" else 0.1)
    if kind == "holder":
        infrared[::40, :] //= 8
        for row in range(6):
            infrared[row::40, :] //= 8
    with pytest.raises(InputError, match=r"scan\.tif cannot be cleaned .* use --no-infrared"):
        blocked_by_dust(infrared, rgb, None, 0.4, "scan.tif")


def test_unknown_pixels_are_not_looked_at() -> None:
    rgb, infrared, _ = scan()
    valid = np.ones(SIZE, bool)
    valid[:150] = False
    infrared[:150] = 0
    found = blocked_by_dust(infrared, rgb, valid, 0.4, "scan") >= 0.4
    assert not found[:150].any() and found[150:].any()
    assert not (blocked_by_dust(infrared, rgb, np.zeros(SIZE, bool), 0.4, "scan") >= 0.4).any()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_standin(tmp_path_factory.mktemp("finder") / "find.onnx")


def test_stamps_come_from_the_network_and_dust_from_infrared(model: Path) -> None:
    photo = np.full((70, 90, 3), 100, np.uint8)
    photo[20:22, 10:13] = 255  # the network says dust; infrared passes
    photo[50:52, 40:70] = 0  # the network says stamp; infrared passes
    infrared = np.full((70, 90), 200, np.uint8)
    infrared[30:33, 60:64] = 80
    given: Any = {"model": model, "infrared": infrared}
    found = partialconv.find(photo, **given)
    assert [(part.kind, part.box) for part in found.parts] == [
        ("dust", (29, 59, 34, 65)),
        ("stamp", (49, 39, 53, 71)),
    ]
