"""The edge of a hole."""

import numpy as np
from scipy.ndimage import convolve

from partialconv.conventions import FEATHER_LARGEST, FEATHER_STRENGTH
from partialconv.inference.feather import feather
from partialconv.masks import stroke_hole


def test_it_is_a_mixture_with_the_mean_of_known_neighbours() -> None:
    rng = np.random.default_rng(0)
    image, output = (rng.random((2, 3, 40, 50), dtype=np.float32) for _ in range(2))
    holes = np.stack([stroke_hole((40, 50), seed, (0.2, 0.4)) for seed in range(2)])[:, None]
    valid = 1 - holes.astype(np.float32)
    spoiled = np.where(holes, np.float32(np.nan), image)
    given = feather(output, spoiled, valid)
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    for n in range(2):
        share = convolve(valid[n, 0], kernel, mode="constant")
        weight = np.minimum(FEATHER_STRENGTH * share, FEATHER_LARGEST)
        for c in range(3):
            known = convolve(image[n, c] * valid[n, 0], kernel, mode="constant")
            mean = np.divide(known, share, out=np.zeros_like(known), where=share > 0)
            np.testing.assert_allclose(given[n, c], output[n, c] * (1 - weight) + mean * weight, atol=1e-5)


def test_inside_the_hole_nothing_changes() -> None:
    valid = np.ones((1, 1, 30, 30), np.float32)
    valid[..., 10:20, 10:20] = 0
    output = np.random.default_rng(1).random((1, 3, 30, 30), dtype=np.float32)
    given = feather(output, np.zeros_like(output), valid)
    np.testing.assert_array_equal(given[..., 11:19, 11:19], output[..., 11:19, 11:19])
    assert (given[..., 10, 10:20] < output[..., 10, 10:20]).all()
