"""Files to arrays and back: photos, and the pictures that mark their holes."""

from partialconv.imageio.hole import hole_from_image, read_hole
from partialconv.imageio.photo import Photo, check_destination, read_photo, write_photo

__all__ = ["Photo", "check_destination", "hole_from_image", "read_hole", "read_photo", "write_photo"]
