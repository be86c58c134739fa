"""Thousands of classes that anyone can make: characters as identities, fonts as their instances.

Han characters and Hangul syllables are rendered in eight fonts of Debian, which are neither committed nor shipped; nor
is what is made of them. A bitmap that several code points of a font share (blanks, boxes for what is missing) is
dropped: it would count as an impostor that nobody can tell apart.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIZE, _POINTS = 48, 40  # pixels
PACKAGES = "fonts-wqy-zenhei fonts-wqy-microhei fonts-arphic-uming fonts-arphic-ukai fonts-noto-cjk"
_FONTS = [
    *[f"truetype/wqy/wqy-{name}.ttc" for name in ("zenhei", "microhei")],
    *[f"truetype/arphic/{name}.ttc" for name in ("uming", "ukai")],
    *[f"opentype/noto/Noto{style}CJK-{weight}.ttc" for style in ("Sans", "Serif") for weight in ("Regular", "Bold")],
]
_CHARACTERS = [*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0xAC00, 0xD7A4)]
_FEWEST = 6  # fonts of a character
_QUALITY = 90

Pixels = NDArray[np.uint8]


def make(folder: Path, identities: int, unseen: int) -> None:
    """Writes an index with its shard, as the trainer reads them: `identities` to train on and `unseen` to test on."""
    if (folder / "index" / "index.json").exists():
        return
    paths = [Path("/usr/share/fonts") / name for name in _FONTS]
    if missing := [path for path in paths if not path.exists()]:
        sys.exit(f"F2C_USAGE: {missing[0]} is missing. Install the fonts: apt-get install {PACKAGES}")
    with ProcessPoolExecutor(2) as workers:
        rendered = list(workers.map(render, map(str, paths)))
    fonts_of = Counter(character for font in rendered for character in font)
    known = sorted(character for character, count in fonts_of.items() if count >= _FEWEST)
    chosen = np.random.default_rng(0).permutation(known)[: identities + unseen]
    if len(chosen) < identities + unseen:
        sys.exit(f"F2C_USAGE: The fonts hold only {len(known)} characters, {identities + unseen} are needed")

    shard = folder / "shards" / "shard-000000.tar"
    for made in (folder / "index", shard.parent):
        made.mkdir(parents=True, exist_ok=True)
    with shard.open("wb") as file:
        for part, characters in (("train", chosen[:identities]), ("test", chosen[identities:])):
            offset, length, first = [], [], [0]
            for character in characters.tolist():
                for font in rendered:
                    if character in font:
                        content = to_jpeg(font[character])
                        offset.append(file.tell())
                        length.append(file.write(content))
                first.append(len(offset))
            arrays = {"shard": (np.zeros(len(offset)), np.uint32), "offset": (offset, np.int64)}
            arrays |= {"length": (length, np.uint32), "first": (first, np.int64), "identity": (characters, np.int64)}
            for name, (values, kind) in arrays.items():
                np.save(folder / "index" / f"{part}.{name}.npy", np.asarray(values).astype(kind))
    facts = {"imageSize": SIZE, "shards": [shard.name]}
    (folder / "index" / "index.json").write_text(json.dumps(facts))


def render(path: str) -> dict[int, Pixels]:
    """Character -> grey pixels, without the bitmaps that several characters share. [SIZE, SIZE]"""
    font = ImageFont.truetype(path, _POINTS, layout_engine=ImageFont.Layout.BASIC)
    bitmaps = {}
    for character in _CHARACTERS:
        image = Image.new("L", (SIZE, SIZE))
        ImageDraw.Draw(image).text((SIZE / 2, SIZE / 2), chr(character), fill=255, font=font, anchor="mm")
        bitmaps[character] = image.tobytes()
    shown = Counter(bitmaps.values())
    return {
        character: np.frombuffer(bitmap, dtype=np.uint8).reshape(SIZE, SIZE)
        for character, bitmap in bitmaps.items()
        if shown[bitmap] == 1
    }


def to_jpeg(pixels: Pixels) -> bytes:
    grey = np.ascontiguousarray(pixels[:, :, None])
    return bytes(simplejpeg.encode_jpeg(grey, quality=_QUALITY, colorspace="GRAY", colorsubsampling="Gray"))
