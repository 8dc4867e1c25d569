"""Wide holes: known truths, scores by hand, kept fills, tables, sheets, blind pairs and their count."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from partialconv.benchmark import drawn as drawn_module
from partialconv.benchmark.baselines import Pixels
from partialconv.benchmark.blind import count_votes, key_path, write_pairs
from partialconv.benchmark.contact import write_sheets
from partialconv.benchmark.drawn import KINDS, Drawn, draw
from partialconv.benchmark.lettering import STYLES, lettering_hole
from partialconv.benchmark.methods import open_method
from partialconv.benchmark.scenes import Scene, open_scenes, tone_curve, toned
from partialconv.benchmark.statistics import median_interval
from partialconv.benchmark.wide import Folder, box_of, measure, score
from partialconv.benchmark.wide_tables import markdown, summary
from partialconv.conventions import Hole
from partialconv.errors import InputError

SIZE, DRAWN = (96, 128), (192, 256)


def noise(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3)).astype(np.uint8)


def square() -> Hole:
    hole = np.zeros(SIZE, bool)
    hole[30:60, 40:80] = True
    return hole


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_seeded_and_has_a_hole(kind: str) -> None:
    first, again, other = draw(kind, 3, DRAWN), draw(kind, 3, DRAWN), draw(kind, 4, DRAWN)
    assert first.sha256 == again.sha256 != other.sha256
    assert first.target.shape == (*DRAWN, 3) and first.target.dtype == np.uint8
    assert 0.01 < first.hole.mean() < 0.4


def test_flat_and_paper_have_one_colour_in_the_hole() -> None:
    for kind in ("flat", "text off paper", "between text"):
        for seed in range(4):
            picture = draw(kind, seed, DRAWN)
            assert picture.tone is not None
            assert (picture.target[picture.hole] == picture.tone[0]).all()
            known = picture.target[~picture.hole]
            assert (known == picture.tone[0]).all() == (kind == "flat")


def test_edges_and_stripes_repeat_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = draw("edge", 0, DRAWN)
    colors = np.unique(edge.target.reshape(-1, 3), axis=0, return_counts=True)
    assert np.sort(colors[1])[-2:].sum() > 0.97 * DRAWN[0] * DRAWN[1]  # two colours, and smooth pixels between them
    assert len(np.unique(edge.target[edge.hole], axis=0)) > 1  # the edge runs through the hole

    def stripes(rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
        target = drawn_module._render(size, lambda x, y: np.where((x % 8 < 4)[..., None], 200.0, [50.0, 60, 70]))
        return Drawn(target, square())

    monkeypatch.setattr(drawn_module, "KINDS", {"known": stripes})
    target = draw("known", 0, SIZE).target
    np.testing.assert_array_equal(target[:, 8:], target[:, :-8])


def test_toned_photos_stay_on_their_tone() -> None:
    grey, sepia, stored = (toned(kind, "coffee", 1) for kind in ("grey", "sepia", "sepia jpeg"))
    assert (grey.target == grey.target[..., :1]).all()
    on_curve = {tuple(color) for color in tone_curve("sepia").tolist()}
    assert {tuple(color) for color in np.unique(sepia.target.reshape(-1, 3), axis=0).tolist()} <= on_curve
    assert (stored.target != toned("sepia", "coffee", 1).target).any()
    assert score(sepia.target, sepia)["tint"] == 0
    tinted = sepia.target.copy()
    tinted[sepia.hole] = (20, 10, 12)  # black is (20, 10, 2)
    assert 5 <= score(tinted, sepia)["tint"] <= 10
    assert score(stored.target, stored)["tint"] == 0
    with pytest.raises(InputError, match="no nothing of scikit-image"):
        toned("grey", "nothing", 0)


def test_lettering_is_seeded_and_comes_in_all_styles() -> None:
    found = {}
    for seed in range(12):
        style, hole = lettering_hole((200, 300), seed)
        found[style] = hole
        np.testing.assert_array_equal(hole, lettering_hole((200, 300), seed)[1])
        assert 0.002 < hole.mean() < 0.3
    assert set(found) == set(STYLES)
    rows, columns = (np.flatnonzero(found["band"].any(axis)) for axis in (1, 0))
    assert found["band"][rows[0] : rows[-1], columns[0] : columns[-1]].all()
    assert not found["letters"].all(1).any()


def test_scores_of_the_truth_and_of_known_errors() -> None:
    picture = Drawn(noise(), square())
    assert score(picture.target, picture) == {"hole_psnr": 100, "levels": 0, "detail": 1}
    comp = picture.target.copy()
    comp[picture.hole] = 128
    assert score(comp, picture)["detail"] < 0.1
    flat = Drawn(np.full((*SIZE, 3), 100, np.uint8), square(), np.full((1, 3), 100, np.uint8))
    comp = flat.target.copy()
    comp[40, 50] = (100, 107, 95)
    found = score(comp, flat)
    assert found["levels"] == found["tint"] == 7 and "detail" not in found
    assert found["hole_psnr"] == pytest.approx(10 * np.log10(255**2 / ((49 + 25) / (30 * 40 * 3))))


def test_the_box_has_a_margin_and_stays_in_the_picture() -> None:
    assert box_of(square(), 5) == (slice(25, 65), slice(35, 85))
    corner = np.zeros((200, 300), bool)
    corner[190:200, 100:220] = True
    assert box_of(corner, 16) == (slice(165, 200), slice(84, 236))  # 35 px at least, for LPIPS


def test_photos_of_a_folder_are_split_and_keep_their_holes(tmp_path: Path) -> None:
    for number in range(7):
        Image.fromarray(noise(number)).save(tmp_path / f"{number}.png")
    choice, report = (open_scenes("objects", split, tmp_path) for split in ("choice", "report"))
    assert len(choice) == 2 and len(report) == 5
    assert not {scene.photo for scene in choice} & {scene.photo for scene in report}
    scene = choice[0]
    before = scene.load()
    np.testing.assert_array_equal(before.target, np.array(Image.open(tmp_path / f"{scene.name}.png")))
    assert 0.06 < before.hole.mean() <= 0.18
    (tmp_path / "other").mkdir()
    (tmp_path / f"{scene.name}.png").rename(tmp_path / "other" / "z.png")
    moved = [s for split in ("choice", "report") for s in open_scenes("objects", split, tmp_path)]
    assert before.sha256 in {s.load().sha256 for s in moved if s.name == "z"}
    for folder, number in (("a", 20), ("b", 21), ("c", 21)):  # two photos of one name, one of them twice
        (tmp_path / folder).mkdir()
        Image.fromarray(noise(number)).save(tmp_path / folder / "same.png")
    names = [s.name for split in ("choice", "report") for s in open_scenes("objects", split, tmp_path)]
    assert len(names) == len(set(names)) == 9 and sum(name.startswith("same-") for name in names) == 2
    with pytest.raises(InputError, match="needs a folder of photos"):
        open_scenes("lettering", "choice")
    with pytest.raises(InputError, match="no set 'faces', 'choice': choose of objects"):
        open_scenes("faces", "choice")


def scenes_of(count: int) -> list[Scene]:
    return [Scene(f"s {n}", "kind", f"photo {n}", lambda n=n: Drawn(noise(n), square())) for n in range(count)]  # type: ignore[misc]


def grey(photo: Pixels, hole: Hole) -> Pixels:
    assert (photo[hole] == 0).all()  # nothing of the truth is shown
    return np.full_like(photo, 120)


def test_fills_are_kept_until_the_method_changes(tmp_path: Path) -> None:
    scenes, calls = scenes_of(2), []

    def counted(photo: Pixels, hole: Hole) -> Pixels:
        calls.append(1)
        return grey(photo, hole)

    for identity, num_calls in (("1", 2), ("1", 2), ("2", 4), ("", 6), ("", 8)):
        records = measure("grey", counted, scenes, None, tmp_path, identity)
        assert len(calls) == num_calls
    kept, drawn = Folder(tmp_path), scenes[1].load()
    assert kept.record("grey", scenes[1]) == records[1] and kept.methods() == ["grey"]
    comp = kept.composite("grey", scenes[1], drawn)
    np.testing.assert_array_equal(comp, np.where(drawn.hole[..., None], 120, drawn.target))
    assert score(comp, drawn)["hole_psnr"] == records[1]["scores"]["hole_psnr"]
    with pytest.raises(InputError, match="filled for another picture"):
        kept.composite("grey", scenes[1], Drawn(noise(), np.eye(*SIZE, dtype=bool)))
    changed = [Scene(scenes[0].name, "kind", "photo", lambda: Drawn(noise(9), square()))]
    measure("grey", counted, changed, None, tmp_path, "")
    measure("grey", counted, scenes[:1], None, tmp_path, "2")
    assert len(calls) == 10  # another picture under the same name is filled anew
    with pytest.raises(InputError, match=r"odd gave uint8 \(3, 3\), expected uint8"):
        measure("odd", lambda photo, hole: np.zeros((3, 3), np.uint8), scenes, None, tmp_path)


def test_tables_and_sheets(tmp_path: Path) -> None:
    scenes = scenes_of(5)
    rows = {
        name: measure(name, fill, scenes, None, tmp_path)
        for name, fill in (("grey", grey), ("black", lambda photo, hole: photo))
    }
    data = summary("objects", "choice", rows)
    expected = np.mean([r["scores"]["hole_psnr"] for r in rows["black"]])
    assert data["means"]["black"]["hole_psnr"]["mean"] == pytest.approx(expected)
    gains = [b["scores"]["hole_psnr"] - a["scores"]["hole_psnr"] for a, b in zip(*rows.values(), strict=True)]
    assert data["differences"]["black"]["hole_psnr"]["mean"] == pytest.approx(np.mean(gains))
    text = markdown(json.loads(json.dumps(data)))
    assert f"| black | {expected:.2f} [" in text and "5 scenes of 5 photos" in text
    by_kind = summary("drawn", "choice", {name: [*found, found[0] | {"kind": "more"}] for name, found in rows.items()})
    assert "| more |" in markdown(by_kind)
    paths = [*write_sheets(scenes, ["grey", "black"], Folder(tmp_path), tmp_path / "sheets")]
    assert len(paths) == 2
    region = 30 + 2 * 20, 40 + 2 * 20  # the hole and half of its longer side around it
    with Image.open(paths[1]) as sheet:
        assert sheet.size == (3 * (region[1] + 4), region[0] + 20)


def test_the_median_has_an_interval() -> None:
    found = median_interval([1.0, 2, 3, 4, 100], list("abcde"))
    assert found.mean == 3 and found.n == 5
    assert found.low is not None and found.high is not None and 1 <= found.low < 3 < found.high <= 100
    assert median_interval([1.0, 3], ["a", "a"]).low is None


def test_blind_pairs_are_counted_by_their_key(tmp_path: Path) -> None:
    scenes, out = scenes_of(8), tmp_path / "blind"
    measure("grey", grey, scenes, None, tmp_path / "set")
    measure("black", lambda photo, hole: photo, scenes, None, tmp_path / "set")
    paths = [*write_pairs(scenes, ("grey", "black"), Folder(tmp_path / "set"), out)]
    assert sorted(path.name for path in out.iterdir()) == [
        f"{n:03d}.png" for n in range(8)
    ]  # the key is not among them
    lines, sides = [], set()
    for number, path in enumerate(paths[:7]):
        pair = np.array(Image.open(path))
        left = pair[pair.shape[0] // 2, (pair.shape[1] - 12) // 4]  # the middle of the left picture: in the hole
        grey_side = "A" if (left == 120).all() else "B"
        sides.add(grey_side)
        lines.append(
            f"{path.stem} {grey_side if number < 4 else ('=' if number == 4 else 'AB'.replace(grey_side, ''))}"
        )
    assert sides == {"A", "B"}
    votes = tmp_path / "votes.txt"
    votes.write_text("# remarks are allowed\n" + "\n".join(lines) + "  a stain\n\n")
    assert count_votes(key_path(out), votes) == {"grey": 4, "black": 2, "level": 1, "missing": 1}
    names = [json.loads(key_path(out).read_text())[path.stem]["scene"] for path in paths]
    assert sorted(names) == sorted(scene.name for scene in scenes) and names != [scene.name for scene in scenes]
    for wrong in ("000 C", "099 A", f"{lines[0]}\n{lines[0]}", "000"):
        votes.write_text(wrong)
        with pytest.raises(InputError, match="line"):
            count_votes(key_path(out), votes)
    with pytest.raises(InputError, match="not empty"):
        next(write_pairs(scenes, ("grey", "black"), Folder(tmp_path / "set"), out))


def test_a_python_function_is_a_method(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import numpy as np\ndef fill(photo, hole):\n    return np.full_like(photo, 7)\n")
    method = open_method("mine", f"py:{file}:fill")
    assert (method.fill(noise(), square()) == 7).all() and "fill of mine.py sha256" in method.identity
    for source, message in (
        (f"py:{file}:other", "defines no function 'other'"),
        (f"py:{tmp_path / 'none.py'}:fill", "no Python file"),
        ("py:fill", "no Python file"),
    ):
        with pytest.raises(InputError, match=message):
            open_method("mine", source)
    file.write_text("1 / 0\n")
    with pytest.raises(InputError, match="cannot run .*: ZeroDivisionError"):
        open_method("mine", f"py:{file}:fill")


def test_the_command_from_fills_to_votes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "wide.py"
    monkeypatch.chdir(tmp_path)

    def wide(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", [str(script), *arguments])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    drawn = "drawn", "--limit", "2"
    with pytest.raises(SystemExit, match="no method has filled all 2 scenes of runs/wide/drawn-choice"):
        wide("table", *drawn)
    wide("fill", *drawn, "--methods", "telea,mean")
    with pytest.raises(SystemExit, match="no method has filled all 3 scenes"):
        wide("table", "drawn", "--limit", "3")
    assert "telea has filled 2 of 3 scenes and is left out." in capsys.readouterr().out
    assert "| mean | +" in wide("table", *drawn, "--rows", "telea,mean")
    assert json.loads(Path("runs/wide/drawn-choice/report.json").read_text())["scenes"] == 2
    page = Path("docs/benchmark.md")
    page.parent.mkdir()
    page.write_text("before\n<!-- wide drawn-choice -->\nold\n<!-- end -->\nafter\n")
    wide("document", "runs/wide/drawn-choice")
    lines = page.read_text().splitlines()
    assert "old" not in lines and (lines[0], lines[-1]) == ("before", "after")
    assert any(line.startswith("| mean | +") for line in lines)
    assert "sheet-000.png" in wide("sheets", *drawn)
    assert "blind: 2 pairs" in wide("pairs", *drawn, "--rows", "telea,mean", "-o", "blind")
    Path("votes.txt").write_text("0 A\n1 =\n")
    assert "level 1, missing 0" in wide("votes", "blind-key.json", "votes.txt")
    for wrong in (("--methods", "magic"), ("--method", "x"), ("--methods", "telea", "--part", "3/2"), ()):
        with pytest.raises(SystemExit, match="magic|--method is 'x'|--part is '3/2'|no method"):
            wide("fill", *drawn, *wrong)
