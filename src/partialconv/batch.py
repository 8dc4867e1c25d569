"""`filling.batch` under the name that it had first, for programs that import it."""

from partialconv.filling.batch import Filler, Result, Settings, work, work_on_ray
from partialconv.filling.listing import Item, list_work

__all__ = ["Filler", "Item", "Result", "Settings", "list_work", "work", "work_on_ray"]
