"""Training data: where photos come from, and the holed crops made of them (PyTorch)."""

from partialconv.data.photos import PhotoSource, find_photos, open_photos
from partialconv.data.samples import Batch, HoledPhotos, Variety

__all__ = ["Batch", "HoledPhotos", "PhotoSource", "Variety", "find_photos", "open_photos"]
