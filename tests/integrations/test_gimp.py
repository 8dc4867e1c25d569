"""The plug-in for GIMP 3, in a stand-in of its interface, with the real `partialconv fill` as a process."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from tests.integrations import gimp_standin
from tests.integrations.gimp_standin import Image, Procedure

FILE = Path(__file__).parents[2] / "integrations" / "gimp" / "partialconv-fill" / "partialconv-fill.py"
COMMAND = f"{shlex.quote(sys.executable)} -m partialconv"


@pytest.fixture(scope="module")
def procedure() -> Procedure:
    plug_in = gimp_standin.load(FILE)()
    (name,) = plug_in.do_query_procedures()
    made: Procedure = plug_in.do_create_procedure(name)
    return made


def opened(mode: str = "RGB", selected: bool = True) -> Image:
    picture, selection = Picture.new("L", (96, 64), 120), Picture.new("L", (96, 64))
    picture.paste(250, (40, 20, 52, 32))  # a spot
    if selected:
        selection.paste(255, (40, 20, 52, 32))
    return Image(picture.convert(mode), selection)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_selection_is_filled_on_a_new_layer(procedure: Procedure, mode: str) -> None:
    gimp_standin.ALL.clear()
    image = opened(mode)
    before = np.asarray(image.layers[0].picture).copy()
    assert procedure.call(image, command=COMMAND) == ("PDBStatusType.SUCCESS", "")
    top, below = image.layers
    assert top.name == "Filled selection" and top.picture.mode == mode
    np.testing.assert_array_equal(np.asarray(below.picture), before)
    filled = np.asarray(top.picture).astype(int)
    assert np.abs(filled - 120).max() <= 4
    assert image.groups == 0
    assert [other.deleted for other in gimp_standin.ALL] == [False, True, True]


def test_where_it_is_in_the_menus_and_its_file_are_as_gimp_wants_them(procedure: Procedure) -> None:
    assert procedure.menus == ["<Image>/Filters/Enhance"]
    assert FILE.stem == FILE.parent.name
    assert sys.platform == "win32" or FILE.stat().st_mode & 0o111 == 0o111


def test_without_a_selection_nothing_is_done(procedure: Procedure) -> None:
    image = opened(selected=False)
    status, said = procedure.call(image, command=COMMAND)
    assert status == "PDBStatusType.EXECUTION_ERROR" and "Select what is to be filled" in said
    assert len(image.layers) == 1


@pytest.mark.parametrize(
    ("command", "says"),
    [("/no/such/command", "Cannot start"), (f"{COMMAND} --nonsense", "No such option")],
)
def test_what_went_wrong_is_told(procedure: Procedure, command: str, says: str) -> None:
    image = opened()
    status, said = procedure.call(image, command=command)
    assert status == "PDBStatusType.EXECUTION_ERROR" and says in said
    assert len(image.layers) == 1 and image.groups == 0


def test_a_selection_of_everything_is_refused_by_partialconv(procedure: Procedure) -> None:
    image = opened()
    image.selection.paste(255, (0, 0, 96, 64))
    status, said = procedure.call(image, command=COMMAND)
    assert status == "PDBStatusType.EXECUTION_ERROR" and "marks every pixel" in said
