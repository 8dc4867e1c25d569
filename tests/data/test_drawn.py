"""Pictures that are no photos."""

import numpy as np
import pytest

from partialconv.data.drawn import PAINTERS, draw_picture


@pytest.mark.parametrize("kind", PAINTERS)
def test_every_kind_is_drawn_again_from_its_seed(kind: str) -> None:
    pictures = [draw_picture((60, 90), (3, number), kind) for number in range(8)]
    assert all(picture.shape == (60, 90, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) >= 6
    assert all(np.array_equal(p, draw_picture((60, 90), (3, n), kind)) for n, p in enumerate(pictures))


def colours(kind: str, number: int) -> int:
    return len(np.unique(draw_picture((96, 96), number, kind).reshape(-1, 3), axis=0))


def test_kinds_take_turns() -> None:
    pictures = [draw_picture((32, 32), number) for number in range(200)]
    flat = sum(len(np.unique(picture.reshape(-1, 3), axis=0)) == 1 for picture in pictures)
    assert 10 <= flat <= 45  # an eighth


def test_flat_is_flat_and_edges_are_between_few_colours() -> None:
    assert all(colours("flat", number) == 1 for number in range(10))
    assert 2 <= np.median([colours("edges", number) for number in range(30)]) < 200
    assert max(colours("text", number) for number in range(10)) > 2


def test_a_gradient_has_small_steps() -> None:
    for number in range(10):
        picture = draw_picture((96, 96), number, "gradient").astype(int)
        assert max(np.abs(np.diff(picture, axis=axis)).max() for axis in (0, 1)) <= 16


def test_text_leaves_most_of_the_page_blank() -> None:
    for number in range(10):
        picture = draw_picture((128, 128), number, "text").reshape(-1, 3)
        _, counts = np.unique(picture, axis=0, return_counts=True)
        assert counts.max() > 0.4 * len(picture)
