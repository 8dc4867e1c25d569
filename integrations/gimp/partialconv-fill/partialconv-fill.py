#!/usr/bin/env python3
"""GIMP 3 plug-in: fills the selection with partialconv, as a new layer.

GIMP's Python needs none of partialconv's libraries: a process of its own runs `partialconv fill` on two files.
"""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, GimpUi, Gio, GLib, GObject  # noqa: E402

PROCEDURE = "partialconv-fill-selection"


class FillError(Exception):
    """What went wrong, in a sentence for the user."""


def run(procedure, run_mode, image, drawables, config, data):  # noqa: ARG001
    """Fill the selection of an image; GIMP calls it."""
    if run_mode == Gimp.RunMode.INTERACTIVE:
        GimpUi.init(PROCEDURE)
        dialog = GimpUi.ProcedureDialog(procedure=procedure, config=config)
        dialog.fill(None)
        wanted = dialog.run()
        dialog.destroy()
        if not wanted:
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    try:
        fill_selection(image, config.get_property("command"), config.get_property("grow"))
    except FillError as error:
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(str(error)))
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())


def fill_selection(image, command, grow):
    """Fill what is selected, as it is seen, and put the result on top as a layer."""
    if Gimp.Selection.is_empty(image):
        raise FillError("Select what is to be filled, then call this again.")
    Gimp.progress_init("Filling the selection")
    with tempfile.TemporaryDirectory(prefix="partialconv-") as folder:
        photo, hole, filled = (Path(folder) / name for name in ("photo.png", "hole.png", "filled.png"))
        save_seen(image, photo)
        save_selection(image, hole)
        Gimp.progress_pulse()
        run_fill(command, photo, hole, filled, grow)
        image.undo_group_start()
        try:
            layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(filled)))
            layer.set_name("Filled selection")
            image.insert_layer(layer, None, 0)
        finally:
            image.undo_group_end()
    Gimp.progress_end()
    Gimp.displays_flush()


def save_seen(image, path):
    """Write the image as it is seen; the copy that is merged for it does not touch the image."""
    copy = image.duplicate()
    copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    save(copy, path)


def save_selection(image, path):
    """Write the selection, white on black."""
    copy = image.duplicate()
    grey = copy.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAY_IMAGE if grey else Gimp.ImageType.RGB_IMAGE
    layer = Gimp.Layer.new(copy, "hole", copy.get_width(), copy.get_height(), kind, 100, Gimp.LayerMode.NORMAL)
    copy.insert_layer(layer, None, 0)
    Gimp.context_push()
    Gimp.context_set_background(Gegl.Color.new("black"))
    layer.fill(Gimp.FillType.BACKGROUND)  # the whole layer
    layer.edit_fill(Gimp.FillType.WHITE)  # the selection
    Gimp.context_pop()
    copy.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
    save(copy, path)


def save(image, path):
    """Write an image of our own, and let go of it."""
    written = Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(path)), None)
    image.delete()
    if not written:
        raise FillError("GIMP could not write a temporary PNG file. Is the disk full?")


def run_fill(command, photo, hole, filled, grow):
    """Run partialconv on files; what it says is what went wrong."""
    line = [*shlex.split(command), "fill", str(photo), str(hole), "-o", str(filled)]
    line += ["--hole-color", "white", "--grow", str(grow)]
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=False)
    except OSError as error:
        raise FillError(
            f"Cannot start “{command}”: {error.strerror}. Install partialconv, or give the whole path of the command, "
            "as `which partialconv` prints it."
        ) from error
    if done.returncode or not filled.is_file():
        lines = [line.strip(" │") for line in done.stderr.splitlines() if any(map(str.isalnum, line))]
        raise FillError((lines or ["partialconv gave no result."])[-1].removeprefix("partialconv: "))


class PartialconvFill(Gimp.PlugIn):
    """What GIMP asks for."""

    def do_query_procedures(self):
        """Names of the procedures."""
        return [PROCEDURE]

    def do_set_i18n(self, name):  # noqa: ARG002
        """There are no translations."""
        return False

    def do_create_procedure(self, name):
        """The menu entry and its settings."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
        procedure.set_menu_label("Fill Selection (_partialconv)...")
        procedure.add_menu_path("<Image>/Filters/Enhance")
        procedure.set_documentation(
            "Fill the selection with what could be there",
            "Scratches, wires, spots and lettering, as a new layer.",
            name,
        )
        procedure.set_attribution("the partialconv authors", "the partialconv authors", "2026")
        flags = GObject.ParamFlags.READWRITE
        procedure.add_int_argument(
            "grow", "_Grow by pixels", "Grow the selection before it is filled", 0, 500, 2, flags
        )
        procedure.add_string_argument(
            "command", "_Command", "The command partialconv, or its whole path", "partialconv", flags
        )
        return procedure


Gimp.main(PartialconvFill.__gtype__, sys.argv)
