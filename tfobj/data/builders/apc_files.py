"""The files of the APC release, unpacked or in the archive. Worker processes load it: no TensorFlow here.

    training/<environment>/<object>/scene-<n>/frame-<n>.color.png          one object
                                    scene-<n>/masks/frame-<n>.mask.png     255 the object, 0 everything else
    training/<environment>/<object>/scene-empty/frame-<n>.color.png        no object, no masks

Pictures are made 128x128 as in the GENESIS-V2 paper: shorter side to 128, then the centre.
"""

import os
import re
import zipfile
import zlib

import numpy as np
from PIL import Image

from tfobj.data.builders import pictures
from tfobj.data.builders import release_order
from tfobj.data.scenes import generation
from tfobj.data.scenes.scene import make_scene
from tfobj.errors import UserError

SIZE = 128
_COLOR = re.compile(r"(?:.*/)?training/([^/]+/[^/]+/scene-[^/]+)/frame-([^/]+)\.color\.png")
_EMPTY = "scene-empty"
_MASK_MODES = ("L", "1", "LA", "RGB", "RGBA")


class Directory:
    """The unpacked release.

    Args:
        path: str. Directory that holds `training`.
    """

    def __init__(self, path):
        self.path = path

    def names(self):
        """Yields the paths of all files below `training`, relative to the directory, with forward slashes."""
        for directory, _, files in os.walk(os.path.join(self.path, "training")):
            relative = os.path.relpath(directory, self.path).replace(os.sep, "/")
            yield from (f"{relative}/{name}" for name in files)

    def read(self, name):
        """bytes of a file; raises `UserError` if it cannot be read."""
        return pictures.read(os.path.join(self.path, name))


class Archive:
    """The release as it is downloaded; files are read from it one by one.

    Args:
        path: str. `training.zip`.

    Raises:
        UserError: no zip archive, or cut off.
    """

    def __init__(self, path):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: no readable zip archive ({error}); fetch it again") from error

    def names(self):
        """List of the names of all members."""
        return self._zip.namelist()

    def read(self, name):
        """bytes of a member; raises `UserError` if it is damaged."""
        try:
            return self._zip.read(name)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
            raise UserError(f"{self.path}: {name} is damaged ({error}); fetch the archive again") from error


def list_scenes(release):
    """The frames of each scene.

    Args:
        release: `Directory` or `Archive`.

    Returns:
        dict from scene, `<environment>/<object>/scene-<n>`, to a list of tuples (name of the picture, name of its mask;
        "" in empty scenes), ordered by name.

    Raises:
        UserError: there are no frames, or a mask is missing.
    """
    scenes, present = {}, set(release.names())
    for name in sorted(present):
        match = _COLOR.fullmatch(name)
        if not match:
            continue
        mask = f"{name.rsplit('/', maxsplit=1)[0]}/masks/frame-{match[2]}.mask.png"
        if match[1].endswith(f"/{_EMPTY}"):
            mask = ""
        elif mask not in present:
            raise UserError(f"{release.path}: {mask} is missing, the mask of {name}; unpack or fetch the archive again")
        scenes.setdefault(match[1], []).append((name, mask))
    if not scenes:
        raise UserError(f"{release.path}: holds no picture training/*/*/scene-*/frame-*.color.png; unpack or fetch the "
                        "archive again")
    return scenes


def split_scenes(scenes, place):
    """Divides scenes as the GENESIS-V2 code does: sorted, shuffled with seed 0, a tenth validation, a tenth test.

    Args:
        scenes: Iterable of str.
        place: str. Where they are.

    Returns:
        dict from split to a list of scenes, see `release_order.tenths`.
    """
    return release_order.tenths(release_order.fixed_order(sorted(scenes)), "validation", "test", place)


def read_frame(scene, name, image, mask_name, mask):
    """Converts one example.

    Args:
        scene: str.
        name: str. Name of the picture, for error messages.
        image: bytes.
        mask_name: str, "" where nothing is to be seen.
        mask: bytes.

    Returns:
        dict as of `tfobj.data.scenes.generation.encode_scene`, without factors; also `scene`.

    Raises:
        UserError: a picture is damaged, or the mask has another size.
    """
    picture = pictures.decode_rgb(image, name)
    labels = np.zeros((SIZE, SIZE), np.uint8)
    if mask_name:
        shape = (picture.height, picture.width)
        values = np.asarray(square(pictures.decode(mask, mask_name, _MASK_MODES, shape), Image.Resampling.NEAREST))
        values = values.reshape(SIZE, SIZE, -1)[..., 0]
        labels = ((values == 255) | (values.dtype == bool) & (values > 0)).astype(np.uint8)
    image = pictures.encode(square(picture, Image.Resampling.BILINEAR))
    return generation.encode_scene({**make_scene(image, labels, 1, {}), "scene": scene})


def square(picture, resample):
    """A picture (`PIL.Image.Image`) with its shorter side resized to 128, the longer one cut to its middle."""
    shorter = min(picture.size)
    width, height = (SIZE * side // shorter for side in picture.size)
    left, top = round((width - SIZE) / 2), round((height - SIZE) / 2)
    return picture.resize((width, height), resample).crop((left, top, left + SIZE, top + SIZE))
