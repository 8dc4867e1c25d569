"""`filling.batch` under the name that it had first, for programs that import it."""

from partialconv.filling.batch import Filler, Item, Result, Settings, list_work, work, work_on_ray

__all__ = ["Filler", "Item", "Result", "Settings", "list_work", "work", "work_on_ray"]
