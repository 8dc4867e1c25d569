"""Stands in for GIMP 3.0's Python interface, as far as the plug-in uses it, on Pillow images.

After the names and arguments of GIMP's own plug-ins in Python and its reference of `libgimp`.
"""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from PIL import Image as Picture
from PIL import ImageChops


class Enum:
    """Any name is a value of its own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, value: str) -> str:
        if value.startswith("_"):
            raise AttributeError(value)
        return f"{self._name}.{value}"


class Flags:
    """Names that are joined by |."""

    DRAWABLE, DRAWABLES = 1, 4


class Layer:
    def __init__(self, picture: Picture.Image, name: str) -> None:
        self.picture, self.name = picture, name
        self.image: Image | None = None

    @classmethod
    def new(cls, image: "Image", name: str, width: int, height: int, kind: str, opacity: float, mode: str) -> "Layer":
        assert kind in ("ImageType.RGB_IMAGE", "ImageType.GRAY_IMAGE") and opacity == 100
        assert mode == "LayerMode.NORMAL"
        return cls(Picture.new("L" if "GRAY" in kind else "RGB", (width, height), "red" if "RGB" in kind else 99), name)

    def set_name(self, name: str) -> None:
        self.name = name

    def fill(self, kind: str) -> bool:
        self.picture.paste(colour_of(kind), (0, 0, *self.picture.size))
        return True

    def edit_fill(self, kind: str) -> bool:
        assert self.image is not None  # it has a selection only in an image
        self.picture.paste(colour_of(kind), (0, 0, *self.picture.size), self.image.selection)
        return True


class Image:
    def __init__(self, picture: Picture.Image, selection: Picture.Image | None = None) -> None:
        self.layers = [Layer(picture, "background")]
        self.selection = selection or Picture.new("L", picture.size)
        self.groups, self.deleted = 0, False
        ALL.append(self)

    def duplicate(self) -> "Image":
        copy = Image(self.layers[-1].picture.copy(), self.selection.copy())
        copy.layers = [Layer(layer.picture.copy(), layer.name) for layer in self.layers]
        return copy

    def delete(self) -> None:
        self.deleted = True

    def get_width(self) -> int:
        return self.layers[-1].picture.width

    def get_height(self) -> int:
        return self.layers[-1].picture.height

    def get_base_type(self) -> str:
        return "ImageBaseType.GRAY" if self.layers[-1].picture.mode == "L" else "ImageBaseType.RGB"

    def insert_layer(self, layer: Layer, parent: None, position: int) -> bool:
        layer.image = self
        self.layers.insert(position, layer)
        return True

    def merge_visible_layers(self, kind: str) -> Layer:
        assert kind == "MergeType.CLIP_TO_IMAGE"
        self.layers = self.layers[:1]
        return self.layers[0]

    def undo_group_start(self) -> None:
        self.groups += 1

    def undo_group_end(self) -> None:
        self.groups -= 1


ALL: list[Image] = []
CONTEXT: list[str] = ["black"]


def colour_of(kind: str) -> Any:
    return {"FillType.WHITE": "white", "FillType.BACKGROUND": CONTEXT[-1]}[kind]


class Procedure:
    def __init__(self, name: str, run: Any) -> None:
        self.name, self.run = name, run
        self.arguments: dict[str, Any] = {}
        self.menus: list[str] = []

    @classmethod
    def new(cls, plug_in: object, name: str, kind: str, run: Any, data: None) -> "Procedure":
        assert kind == "PDBProcType.PLUGIN"
        return cls(name, run)

    def add_int_argument(
        self, name: str, nick: str, blurb: str, least: int, most: int, value: int, flags: object
    ) -> None:
        assert least <= value <= most
        self.arguments[name] = value

    def add_string_argument(self, name: str, nick: str, blurb: str, value: str, flags: object) -> None:
        self.arguments[name] = value

    def add_menu_path(self, path: str) -> None:
        self.menus.append(path)

    def set_image_types(self, kinds: str) -> None: ...
    def set_sensitivity_mask(self, mask: int) -> None: ...
    def set_menu_label(self, label: str) -> None: ...
    def set_documentation(self, short: str, long: str, name: str) -> None: ...
    def set_attribution(self, authors: str, copyright_: str, date: str) -> None: ...

    def new_return_values(self, status: str, error: Exception) -> tuple[str, str]:
        return status, str(error)

    def call(self, image: Image, **changed: Any) -> tuple[str, str]:
        """Run it without a dialog, as another script would."""
        values = self.arguments | changed
        config = SimpleNamespace(get_property=values.__getitem__)
        answer: tuple[str, str] = self.run(self, "RunMode.NONINTERACTIVE", image, [image.layers[0]], config, None)
        return answer


def file_save(mode: str, image: Image, file: Path, options: None) -> bool:
    assert mode == "RunMode.NONINTERACTIVE"
    image.layers[0].picture.save(file)
    return True


def file_load_layer(mode: str, image: Image, file: Path) -> Layer:
    return Layer(Picture.open(file).copy(), file.name)


def is_empty(image: Image) -> bool:
    return ImageChops.difference(image.selection, Picture.new("L", image.selection.size)).getbbox() is None


def load(path: Path) -> Any:
    """Run the plug-in's file; returns its class, as GIMP gets it."""
    found: list[Any] = []

    class PlugIn:
        def __init_subclass__(cls) -> None:
            cls.__gtype__ = cls  # type: ignore[attr-defined]

    nothing = mock.Mock(return_value=None)
    gimp = SimpleNamespace(
        PlugIn=PlugIn,
        Layer=Layer,
        ImageProcedure=Procedure,
        ProcedureSensitivityMask=Flags,
        Selection=SimpleNamespace(is_empty=is_empty),
        file_save=file_save,
        file_load_layer=file_load_layer,
        context_push=lambda: CONTEXT.append(CONTEXT[-1]),
        context_pop=CONTEXT.pop,
        context_set_background=lambda colour: CONTEXT.__setitem__(-1, colour),
        main=lambda kind, arguments: found.append(kind),
        **{name: Enum(name) for name in ("RunMode", "PDBStatusType", "PDBProcType", "MergeType", "ImageBaseType")},
        **{name: Enum(name) for name in ("ImageType", "LayerMode", "FillType")},
        **dict.fromkeys(("progress_init", "progress_pulse", "progress_end", "displays_flush"), nothing),
    )
    repository = ModuleType("gi.repository")
    repository.__dict__.update(
        Gimp=gimp,
        GimpUi=SimpleNamespace(),
        Gegl=SimpleNamespace(Color=SimpleNamespace(new=str)),
        Gio=SimpleNamespace(File=SimpleNamespace(new_for_path=Path)),
        GLib=SimpleNamespace(Error=RuntimeError),
        GObject=SimpleNamespace(ParamFlags=Enum("ParamFlags")),
    )
    gi = ModuleType("gi")
    gi.__dict__.update(require_version=nothing, repository=repository)
    with mock.patch.dict(sys.modules, {"gi": gi, "gi.repository": repository}):
        exec(compile(path.read_text("utf-8"), path, "exec"), {"__name__": "__main__"})
    return found[0]
