"""Half and double size, against plain loops."""

import numpy as np
import pytest
from PIL import Image

from partialconv.inference.scales import doubled, halved


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("size", [(600, 7), (5, 4), (1, 1)])
def test_a_half_is_the_mean_of_what_is_known(dtype: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 200, (*size, 3)).astype(dtype)
    hole = rng.random(size) < 0.5
    given = halved(photo, hole)
    assert given.dtype == dtype and given.shape == ((size[0] + 1) // 2, (size[1] + 1) // 2, 3)
    for y, x in np.ndindex(given.shape[:2]):
        known = ~hole[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
        values = photo[2 * y : 2 * y + 2, 2 * x : 2 * x + 2][known]
        wanted = values.mean(axis=0) if len(values) else np.zeros(3)
        np.testing.assert_allclose(given[y, x], wanted, atol=1e-4 if dtype == "float32" else 0.5)


def test_a_double_is_bilinear_and_its_parts_are_those_of_the_whole() -> None:
    coarse = np.random.default_rng(0).random((9, 13, 1)).astype(np.float32)
    whole = doubled(coarse, 0, 0, 18, 26)
    wanted = Image.fromarray(coarse[..., 0]).resize((26, 18), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(whole[..., 0], np.asarray(wanted), atol=1e-6)
    np.testing.assert_array_equal(doubled(coarse, 3, 5, 7, 8), whole[3:10, 5:13])
