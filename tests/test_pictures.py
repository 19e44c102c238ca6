"""Pictures from files and folders: every kind is read as it looks, and every broken one is named."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from congling.data.pictures import pictures as pictures_module
from congling.data.pictures.augmentation import Augmentation, augment
from congling.data.pictures.batches import PictureBatches
from congling.data.pictures.digits import CLASSES, read_digits
from congling.data.pictures.folders import LabelledPicture, find_pictures, read_pictures
from congling.data.pictures.pictures import PictureShape, read_picture
from congling.data.pictures.sets import PIXELS, PictureSet, write_picture_set
from congling.data.stratified import stratified_parts
from congling.data.text.splits import TEST, TRAIN, VALID
from congling.errors import UserError

COLOUR, GREY = PictureShape(3, 16), PictureShape(1, 16)
QUARTERS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def quarters(width: int = 64, height: int = 64) -> Image.Image:
    """Red and green above, blue and white below: so that whoever turns or mirrors it can be caught."""
    image = Image.new("RGB", (width, height))
    for number, colour in enumerate(QUARTERS.values()):
        left, top = number % 2 * (width // 2), number // 2 * (height // 2)
        image.paste(colour, (left, top, left + width // 2 + 1, top + height // 2 + 1))
    return image


def corners(pixels: np.ndarray[Any, Any]) -> list[str]:
    """The names of the colours in the four corners, row by row."""
    side = pixels.shape[1] - 2
    found = [pixels[:, y, x].astype(int) for y, x in ((1, 1), (1, side), (side, 1), (side, side))]
    return [min(QUARTERS, key=lambda name: np.abs(each - QUARTERS[name]).sum()) for each in found]


@pytest.mark.parametrize(("name", "mode"), [("a.png", "RGB"), ("a.jpg", "RGB"), ("a.webp", "RGB"), ("a.bmp", "RGB"),
    ("a.gif", "P"), ("a.png", "P"), ("a.jpg", "CMYK"), ("a.png", "RGBA")])  # fmt: skip
def test_every_format_looks_the_same(tmp_path: Path, name: str, mode: str) -> None:
    """Guards channels, rows and columns, through every format and way to store colours."""
    quarters().convert(mode).save(tmp_path / name)
    picture = read_picture(tmp_path / name, COLOUR)
    assert picture.pixels.shape == (3, 16, 16)
    assert picture.pixels.dtype == np.uint8
    assert corners(picture.pixels) == list(QUARTERS)
    assert ("its colours are for print (CMYK) and were converted" in picture.remarks) == (mode == "CMYK")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_pictures_are_turned_upright(tmp_path: Path, orientation: int, fit: Any) -> None:
    """Guards EXIF's eight orientations, against Pillow's own way: a telephone stores its pictures lying down."""
    exif = Image.Exif()
    exif[pictures_module.ORIENTATION] = orientation
    quarters(96, 64).save(tmp_path / "a.jpg", exif=exif, quality=95)
    picture = read_picture(tmp_path / "a.jpg", PictureShape(3, 16, fit))
    with Image.open(tmp_path / "a.jpg") as image:
        upright = ImageOps.exif_transpose(image)
    assert (picture.width, picture.height) == upright.size
    upright.save(tmp_path / "b.png")
    assert (
        np.abs(picture.pixels.astype(int) - read_picture(tmp_path / "b.png", PictureShape(3, 16, fit)).pixels).mean()
        < 4
    )


def test_fitting_keeps_proportions(tmp_path: Path) -> None:
    """Guards both ways to fit: the middle square, or all of it on the colour of its edge; and both are told."""
    Image.new("L", (40, 20), 90).save(tmp_path / "wide.png")
    with Image.open(tmp_path / "wide.png") as image:
        image.paste(200, (0, 0, 10, 20))
        image.paste(200, (30, 0, 40, 20))
        image.save(tmp_path / "wide.png")
    cropped = read_picture(tmp_path / "wide.png", PictureShape(1, 20))
    assert set(cropped.pixels.flatten().tolist()) == {90}
    assert cropped.remarks == ["its 40×20 pixels became 20×20: the middle square"]
    padded = read_picture(tmp_path / "wide.png", PictureShape(1, 20, "pad"))
    assert padded.pixels[0, 10].tolist()[:4] == [200, 200, 200, 200]
    assert len(set(padded.pixels[0, [0, 1, 2, 17, 18, 19]].flatten().tolist())) == 1
    assert padded.remarks == ["its 40×20 pixels became 20×20: all of it, on its edge's mean colour"]
    exact = read_picture(tmp_path / "wide.png", PictureShape(1, 40, "pad"))
    assert np.array_equal(exact.pixels[0, 10:30], np.asarray(Image.open(tmp_path / "wide.png")))


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.gif"])
def test_the_first_frame_of_an_animation(tmp_path: Path, name: str) -> None:
    """Guards against a mixture of frames, and says that there are others."""
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    picture = read_picture(tmp_path / name, COLOUR)
    assert picture.pixels.mean((1, 2)).round().tolist() == pytest.approx([255, 0, 0], abs=2)
    assert "it is animated: only the first frame is looked at" in picture.remarks


def test_grey_sixteen_bits_and_transparency(tmp_path: Path) -> None:
    """Guards brightness: sixteen bits are not cut off at 255, what is transparent is white, grey is red=green=blue."""
    steps = np.linspace(0, 60000, 256).reshape(16, 16).astype(np.uint16)
    Image.fromarray(steps).save(tmp_path / "deep.png")
    assert np.array_equal(read_picture(tmp_path / "deep.png", GREY).pixels[0], steps >> 8)
    Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    clear = read_picture(tmp_path / "clear.png", COLOUR)
    assert clear.pixels.min() == 255
    assert clear.remarks == ["its transparent parts stand on white"]
    Image.new("RGBA", (16, 16), (255, 0, 0, 255)).save(tmp_path / "opaque.png")
    assert read_picture(tmp_path / "opaque.png", COLOUR).remarks == []
    grey = read_picture(tmp_path / "deep.png", COLOUR)
    assert (grey.pixels[0] == grey.pixels[2]).all()
    assert grey.remarks == ["it is grey, though the network knows colours"]
    assert read_picture(tmp_path / "opaque.png", GREY).remarks == ["its colours became grey"]


def test_extreme_sizes(tmp_path: Path) -> None:
    """Guards 1×1 pixels, and strips so long that an image in between would not fit into memory."""
    Image.new("RGB", (1, 1), (7, 11, 13)).save(tmp_path / "one.png")
    assert read_picture(tmp_path / "one.png", COLOUR).pixels.mean((1, 2)).tolist() == [7, 11, 13]
    Image.new("RGB", (20_000, 1), (7, 11, 13)).save(tmp_path / "strip.png")
    for fit in ("crop", "pad"):
        strip = read_picture(tmp_path / "strip.png", PictureShape(3, 224, fit))  # type: ignore[arg-type]
        assert strip.pixels.mean((1, 2)).tolist() == [7, 11, 13]


def test_large_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the memory: a large JPEG file is decoded smaller; what has to be decoded whole is refused in words."""
    monkeypatch.setattr(pictures_module, "MOST_PIXELS", 10_000)
    large = quarters(400, 300)
    large.save(tmp_path / "photograph.jpg")
    assert corners(read_picture(tmp_path / "photograph.jpg", COLOUR).pixels) == list(QUARTERS)
    large.save(tmp_path / "progressive.jpg", progressive=True)
    large.save(tmp_path / "scan.png")
    for name in ("progressive.jpg", "scan.png"):
        with pytest.raises(UserError, match=rf"{name} has 400×300 pixels; .* make it smaller"):
            read_picture(tmp_path / name, COLOUR)


def test_pillows_limit_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a photograph larger than Pillow's limit, which can be read at an eighth; and leaves that limit alone."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    quarters(400, 300).save(tmp_path / "photograph.jpg")
    assert read_picture(tmp_path / "photograph.jpg", COLOUR).width == 400
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif"])
def test_truncated_pictures_are_named(tmp_path: Path, name: str) -> None:
    """Guards against a grey lower half that nobody notices: a file that was cut off is an error that names it."""
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=rf"the picture .*{name} cannot be read: .+"):
        read_picture(tmp_path / name, COLOUR)


def test_what_is_no_picture(tmp_path: Path) -> None:
    """Guards the user's mistakes: no file, a folder, an empty file, text, a file of another kind."""
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("<svg/>", encoding="utf-8")
    Image.new("RGB", (5, 5)).save(tmp_path / "tiff.png", "TIFF")
    with pytest.raises(UserError, match=r"there is no picture .*missing\.png"):
        read_picture(tmp_path / "missing.png", COLOUR)
    with pytest.raises(UserError, match=r"folder\.png cannot be read: Is a directory"):
        read_picture(tmp_path / "folder.png", COLOUR)
    for name in ("empty.png", "text.png", "tiff.png"):
        with pytest.raises(UserError, match=rf"{name} is no picture that can be read; .*PNG, JPEG"):
            read_picture(tmp_path / name, COLOUR)


def test_broken_exif_data_do_not_matter(tmp_path: Path) -> None:
    """Guards a picture that can be seen: what its EXIF data say is lost, the picture is not."""
    quarters().save(tmp_path / "a.jpg", exif=b"Exif\0\0no such thing")
    assert corners(read_picture(tmp_path / "a.jpg", COLOUR).pixels) == list(QUARTERS)


# Folders -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of 7, 11 and 5 readable pictures, a broken one, a repeated one, and files that do not count."""
    path, draw = tmp_path / "animals", np.random.default_rng(1)
    for number, (name, count) in enumerate({"cats": 7, "dogs": 11, "猫头鹰": 5}.items()):
        (path / name).mkdir(parents=True)
        for picture in range(count):
            pixels = draw.integers(0, 80, (20, 30, 3), np.uint8) + np.uint8(80 * number)
            Image.fromarray(pixels).save(path / name / f"{picture}.png")
    (path / "cats" / "broken.JPG").write_bytes(b"\xff\xd8\xff no")
    (path / "cats" / "again.png").write_bytes((path / "cats" / "3.png").read_bytes())
    (path / "dogs" / "notes.txt").touch()
    (path / "dogs" / ".hidden.png").touch()
    (path / "__MACOSX").mkdir()
    (path / "README.md").touch()
    return path


def test_a_folder_becomes_a_set(folder: Path, tmp_path: Path) -> None:
    """Guards the whole way: classes, the broken one counted and named, the repeated one out, pixels as they were."""
    found = find_pictures(folder)
    assert found.classes == ["cats", "dogs", "猫头鹰"]
    assert (len(found.files), found.others) == (25, 1)
    made = write_picture_set(
        tmp_path / "set", read_pictures(found, COLOUR, threads=3), found.classes, COLOUR, valid=4, test=4, seed=1
    )
    kept = PictureSet.open(tmp_path / "set")
    assert len(kept) == len(made) == 23
    assert kept.repeated == 1
    assert len(kept.skipped) == 1
    assert "broken.JPG" in kept.skipped[0]
    for row in (0, 10, 22):
        assert np.array_equal(kept.pixels[row], read_picture(folder / kept.names[row], COLOUR).pixels)
        assert kept.classes[kept.targets[row]] == Path(kept.names[row]).parts[0]
    train = kept.pictures(kept.rows("train"))
    torch.testing.assert_close(train.double().mean((0, 2, 3)), torch.from_numpy(kept.mean), rtol=0, atol=1e-6)
    standardised = kept.examples(kept.rows("train")).inputs
    torch.testing.assert_close(standardised.mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(standardised.std((0, 2, 3), unbiased=False), torch.ones(3), rtol=0, atol=1e-5)
    assert {part: len(kept.rows(part)) for part in ("train", "valid", "test")} == {"train": 15, "valid": 4, "test": 4}


def test_folders_that_are_none(tmp_path: Path) -> None:
    """Guards the user's mistakes with folders: each is named with the way out."""
    with pytest.raises(UserError, match=r"there is no folder .*nowhere"):
        find_pictures(tmp_path / "nowhere")
    quarters().save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png is no folder"):
        find_pictures(tmp_path / "a.png")
    with pytest.raises(UserError, match="has no sub-folders, and 1 pictures of its own"):
        find_pictures(tmp_path)
    (tmp_path / "cats").mkdir()
    with pytest.raises(UserError, match="has one class only, cats"):
        find_pictures(tmp_path)
    (tmp_path / "dogs").mkdir()
    quarters().save(tmp_path / "dogs" / "a.png")
    with pytest.raises(UserError, match="the class cats has no pictures"):
        find_pictures(tmp_path)
    (tmp_path / "cats" / "black").mkdir()
    with pytest.raises(UserError, match="cats has no pictures, but sub-folders: are these the classes"):
        find_pictures(tmp_path)


def test_a_class_of_broken_pictures(folder: Path, tmp_path: Path) -> None:
    """Guards a class that is lost while it is read: says which, how many are broken, and why the first one is."""
    for picture in (folder / "猫头鹰").iterdir():
        picture.write_bytes(b"nothing")
    found = find_pictures(folder)
    with pytest.raises(UserError, match=r"the class 猫头鹰 has 0 examples; .*; 6 pictures could not be read"):
        write_picture_set(tmp_path / "s", read_pictures(found, GREY), found.classes, GREY, valid=4, test=4, seed=1)


def test_a_set_that_is_not_whole(folder: Path, tmp_path: Path) -> None:
    """Guards a disk that was full or a copy that was stopped: pictures are never read from beyond the file's end."""
    found = find_pictures(folder)
    write_picture_set(tmp_path / "s", read_pictures(found, GREY), found.classes, GREY, valid=4, test=4, seed=1)
    with (tmp_path / "s" / PIXELS).open("r+b") as file:
        file.truncate(1000)
    for path in (tmp_path / "s", tmp_path / "none"):
        with pytest.raises(UserError, match="holds no pictures, or not all of them"):
            PictureSet.open(path)


def test_the_split_is_stratified_and_stable() -> None:
    """Guards rare classes and repetition: shares in every class, one seed one split, and new examples move few."""
    names = [f"{number}.png" for number in range(1000)]
    targets = np.array([0] * 700 + [1] * 290 + [2] * 10)
    parts = stratified_parts(names, targets, ["a", "b", "c"], valid=100, test=200, seed=1)
    for number, (valid, test) in enumerate([(70, 140), (29, 58), (1, 2)]):
        assert np.bincount(parts[targets == number], minlength=3)[[VALID, TEST]].tolist() == [valid, test]
    assert np.array_equal(parts, stratified_parts(names, targets, ["a", "b", "c"], valid=100, test=200, seed=1))
    other = stratified_parts(names, targets, ["a", "b", "c"], valid=100, test=200, seed=2)
    assert (parts != other).mean() > 0.3
    more = stratified_parts(["new.png", *names], np.array([0, *targets]), ["a", "b", "c"], valid=100, test=200, seed=1)
    assert (parts != more[1:]).sum() <= 6
    most = stratified_parts(names, targets, ["a", "b", "c"], valid=900, test=900, seed=1)
    assert (most == TRAIN).sum() == 600


# Batches and digits --------------------------------------------------------------------------------------------------


def made_set(folder: Path, count: int = 53) -> PictureSet:
    """Grey pictures whose every pixel tells the row."""
    pictures = (LabelledPicture(f"{row}", row % 2, np.full((1, 7, 7), row, np.uint8)) for row in range(count))
    return write_picture_set(folder, pictures, ["even", "odd"], PictureShape(1, 7), valid=6, test=6, seed=1)


def test_batches_hold_the_right_pictures(tmp_path: Path) -> None:
    """Guards the pairing of pictures and classes, and that each comes once an epoch, whatever the batch."""
    kept = made_set(tmp_path)
    rows = kept.rows("train")
    batches = PictureBatches(kept, rows, 11, seed=3)
    seen = []
    for batch in islice(batches, -(-len(rows) // 11)):
        pixels = batch.inputs[:, 0, 3, 3] * kept.deviation[0] + kept.mean[0]
        row = (pixels * 255).round().long()
        assert torch.equal(row % 2, batch.targets)
        seen += row.tolist()
    assert sorted(seen) == rows.tolist()
    assert (batches.epoch, batches.epoch_fraction) == (1, 0)


def test_batches_go_on_where_they_were(tmp_path: Path) -> None:
    """Guards resuming: the same pictures in the same order with the same changes, through JSON, across epochs."""
    kept = made_set(tmp_path)
    how = Augmentation(shift=0.2, noise=0.1, mirror=0.5)
    first = PictureBatches(kept, kept.rows("train"), 11, 3, how)
    list(islice(first, 6))
    state = json.loads(json.dumps(first.state()))
    again = PictureBatches(kept, kept.rows("train"), 11, 3, how)
    again.restore(state)
    for one, other in zip(islice(first, 6), islice(again, 6), strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)


def test_augmentation_goes_by_epoch_and_row(tmp_path: Path) -> None:
    """Guards the epoch of an epoch's last batch: it must not be changed as in the next one."""
    kept = made_set(tmp_path)
    how = Augmentation(noise=0.2)
    rows = kept.rows("train")
    batches = PictureBatches(kept, rows, 13, 3, how)
    for number in range(2 * -(-len(rows) // 13)):
        batch = next(batches)
        epoch = number // -(-len(rows) // 13)
        for picture, target in zip(batch.inputs, batch.targets, strict=True):
            candidates = rows[kept.targets[rows] == int(target)]
            expected = kept.standardised(augment(kept.pictures(candidates), how, seed=3, epoch=epoch, rows=candidates))
            assert float((expected - picture).abs().amax((1, 2, 3)).min()) < 1e-6


def test_digits(tmp_path: Path) -> None:
    """Guards the table of digits: pixels row by row, then the class; and says what is no such table."""
    draw = np.random.default_rng(1)
    table = np.column_stack([draw.integers(0, 256, (13, 784)), draw.integers(0, 10, 13)])
    text = "\n".join(",".join(map(str, row)) for row in table)
    with gzip.open(tmp_path / "digits.csv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    digits = list(read_digits(tmp_path / "digits.csv.gz"))
    assert [each.target for each in digits] == table[:, -1].tolist()
    assert len({each.name for each in digits}) == 13
    assert digits[5].pixels is not None
    assert digits[5].pixels[0, 3].tolist() == table[5, 3 * 28 : 4 * 28].tolist()
    assert CLASSES[digits[5].target] == str(table[5, -1])
    for broken in (text.replace(",", ";"), text.replace("\n", "x\n", 1), "300" + text[text.index(",") :], ""):
        (tmp_path / "broken.csv").write_text(broken, encoding="utf-8")
        with pytest.raises(UserError, match=r"broken\.csv is no table of 28×28 pixels and a digit a row"):
            list(read_digits(tmp_path / "broken.csv"))
