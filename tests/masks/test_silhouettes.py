"""Object-shaped holes: seeded, of the asked size, whole, in one piece where they should be."""

import hashlib

import numpy as np
import pytest
from scipy.ndimage import label

from partialconv.errors import InputError
from partialconv.masks.silhouettes import SILHOUETTES, draw_silhouette, silhouette_hole

SIZE = (120, 160)


@pytest.mark.parametrize("kind", SILHOUETTES)
def test_a_silhouette_has_the_asked_ratio_and_stays_in_the_picture(kind: str) -> None:
    for seed in range(4):
        hole = silhouette_hole(SIZE, seed, (0.08, 0.12), kind)
        assert hole.shape == SIZE and 0.08 < hole.mean() <= 0.12
        assert not (hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any())
        # parts hang together: those of one object are one piece, of a group or a post with a neighbour at most three
        assert label(hole)[1] <= (3 if kind in ("group", "post") else 1)


def test_a_seed_gives_the_same_hole_on_every_machine() -> None:
    holes = [silhouette_hole(SIZE, seed) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(holes[0], holes[1])
    assert (holes[0] != holes[2]).any()
    assert hashlib.sha256(np.packbits(holes[0]).tobytes()).hexdigest()[:16] == "6b3eee524432d6fc"


def test_size_scales_the_same_shape() -> None:
    small, large = (silhouette_hole(size, 5, (0.08, 0.12), "car") for size in ((120, 160), (480, 640)))
    shrunk = large.reshape(120, 4, 160, 4).mean((1, 3)) > 0.5
    assert (shrunk & small).sum() / (shrunk | small).sum() > 0.8


def test_polygons_are_drawn_where_they_are_and_grow() -> None:
    square = [np.array([(-0.5, -1.0), (0.5, -1.0), (0.5, 0.0), (-0.5, 0.0)])]
    drawn = draw_silhouette(square, (40, 40), 20, (20, 30))
    rows, columns = (np.flatnonzero(drawn.any(axis)) for axis in (1, 0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (10, 30, 10, 30) and drawn.sum() == 21 * 21
    grown = draw_silhouette(square, (40, 40), 20, (20, 30), grow_px=2)
    assert grown[8, 20] and grown[32, 20] and not grown[7, 20] and not grown[33, 20]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="no silhouette 'dragon': choose one of person"):
        silhouette_hole(SIZE, 0, kind="dragon")
    with pytest.raises(InputError, match="widen the range"):
        silhouette_hole(SIZE, 0, (0.9, 0.95))
