"""The files of the ShapeStacks release. Worker processes load it: no TensorFlow here.

    recordings/<scenario>/rgb-w=<wall>-f=<floor>-l=<light>-c=<colours>-cam_<k>-mono-0.png     224x224
    iseg/<scenario>/iseg-w=0-f=0-l=0-c=original-cam_<k>-mono-0.map                            instance map
    splits/default/{train,eval,test}.txt                                                      a scenario per line

A scenario is called `env_<ccs|blocks>-<easy|hard>-h=<2..6>-vcom=<i>-vpsf=<i>-v=<i>`; with vcom=0 and vpsf=0 its stack
is stable. A `.map` file is a PNG whose gray value is 32 x label (0 background, 1..6 objects); label = value // 32.
"""

import os
import re

import numpy as np

from tfobj.data.builders import pictures
from tfobj.data.scenes import generation
from tfobj.data.scenes.scene import make_scene
from tfobj.errors import UserError
from tfobj.labels import IGNORE_ID

SHAPE = (224, 224)
MAX_OBJECTS = 6
SPLITS = {"train": "train", "validation": "eval", "test": "test"}
_LABEL_STEP = 32
_IMAGE = re.compile(r"rgb-(?:[^-]+-){4}cam_(\d+)-mono-0\.png")
# The folders in front of a scenario differ between the archives.
_PLACES = (
    (re.compile(r"(?:.*/)?(env_[^/]+/rgb-[^/]+-mono-0\.png)"), "recordings"),
    (re.compile(r"(?:.*/)?(env_[^/]+/iseg-[^/]+\.map)"), "iseg"),
    (re.compile(r"(?:.*/)?(default/(?:train|eval|test)\.txt)"), "splits"),
)


def place(member):
    """Where a member of the archives belongs (str, below the root), or None if it is not needed."""
    for pattern, folder in _PLACES:
        match = pattern.fullmatch(member)
        if match:
            return f"{folder}/{match[1]}"
    return None


def find_root(manual_dir):
    """Directory with the unpacked release: the manual directory or `shapestacks` in it; None if there is none."""
    roots = (manual_dir, os.path.join(manual_dir, "shapestacks"))
    return next((root for root in roots if os.path.isdir(os.path.join(root, "recordings"))), None)


def list_frames(root, split):
    """The pictures of a split, scenario by scenario in the order of the split's file.

    Args:
        root: str. Directory that holds `recordings`, `iseg` and `splits`.
        split: str, key of `SPLITS`.

    Returns:
        List of tuples (path of the picture, path of its instance map), not empty.

    Raises:
        UserError: a file or directory is missing, or the split's file is no text.
    """
    path = os.path.join(root, "splits", "default", f"{SPLITS[split]}.txt")
    try:
        scenarios = pictures.read(path).decode().split()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: no text ({error.reason} at byte {error.start}), expected the name of a scenario in "
                        "each line; unpack shapestacks-meta.tar.gz again") from error
    frames = [frame for scenario in scenarios for frame in _scenario_frames(root, scenario, path)]
    if not frames:
        raise UserError(f"{path}: names no scenario; unpack shapestacks-meta.tar.gz again")
    return frames


def _scenario_frames(root, scenario, split_path):
    directory = os.path.join(root, "recordings", scenario)
    cameras = {name: match[1] for name in _names(directory) if (match := _IMAGE.fullmatch(name))}
    if not cameras:
        raise UserError(f"{directory}: holds no picture rgb-*-cam_*-mono-0.png, but {split_path} names the scenario; "
                        "unpack shapestacks-rgb.tar.gz again")
    map_directory = os.path.join(root, "iseg", scenario)
    maps, frames = set(_names(map_directory)), []
    for name, camera in sorted(cameras.items()):
        map_name = f"iseg-w=0-f=0-l=0-c=original-cam_{camera}-mono-0.map"
        if map_name not in maps:
            raise UserError(f"{map_directory}/{map_name} is missing, the instance map of recordings/{scenario}/{name}; "
                            f"unpack shapestacks-iseg.tar.gz to {root}/iseg")
        frames.append((os.path.join(directory, name), os.path.join(map_directory, map_name)))
    return frames


def _names(directory):
    return os.listdir(directory) if os.path.isdir(directory) else []


def read_frame(image_path, map_path):
    """Reads one example.

    Args:
        image_path: str.
        map_path: str.

    Returns:
        dict as of `tfobj.data.scenes.generation.encode_scene`, without factors; also `scenario` str, `camera` int,
        `stable` bool, and `unexpected` bool: whether the map holds other values than 32 x label.

    Raises:
        UserError: a file is damaged or not what it should be.
    """
    scenario, name = image_path.split(os.sep)[-2:]
    image = pictures.rgb_png(pictures.read(image_path), image_path, SHAPE)
    labels, unexpected = label_map(pictures.read(map_path), map_path)
    scene = make_scene(image, labels, MAX_OBJECTS, {})
    stable = "-vcom=0-" in scenario and "-vpsf=0-" in scenario
    return generation.encode_scene({**scene, "scenario": scenario, "camera": int(_IMAGE.fullmatch(name)[1]),
                                    "stable": stable, "unexpected": unexpected})


def label_map(data, name):
    """Decodes an instance map.

    Args:
        data: bytes of a `.map` file; gray or with colour channels, of which the first counts.
        name: str, for error messages.

    Returns:
        Tuple (uint8 [224,224], value // 32: 0 background, 1..6 objects, 255 for larger ones, to be ignored; bool,
        whether there are other values than 32 x (0 .. 6)).

    Raises:
        UserError: no picture of this size, or labels that were not multiplied by 32.
    """
    values = np.asarray(pictures.decode(data, name, ("L", "LA", "RGB", "RGBA"), SHAPE))
    values = values.reshape(*SHAPE, -1)[..., 0]
    if 0 < values.max() < _LABEL_STEP:
        raise UserError(f"{name}: the largest gray value is {values.max()}; instance maps hold {_LABEL_STEP} x label, "
                        f"label 0 to {MAX_OBJECTS}, so all of it would be background; fetch the original file again")
    labels = values // _LABEL_STEP
    unexpected = bool(((values % _LABEL_STEP > 0) | (labels > MAX_OBJECTS)).any())
    return np.where(labels > MAX_OBJECTS, np.uint8(IGNORE_ID), labels), unexpected
