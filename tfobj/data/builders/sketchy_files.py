"""The files of the Sketchy release. Worker processes load it: no TensorFlow here.

An episode is one uncompressed TFRecord file with one `tf.train.Example` per step, 10 a second; of a step, the JPEG
pictures of two cameras (600x960) are used. Both look at the same basket: a window of 448x672 of each is kept, and of it
seven squares as in the GENESIS-V2 paper.
"""

import os
import struct

from PIL import Image

from tfobj.data import tfrecord_files
from tfobj.data.builders import pictures
from tfobj.data.scenes import generation
from tfobj.errors import UserError

SIZE = 128
CAMERAS = ("front_left", "front_right")
CROPS = ("full", "c0", "c1", "c2", "c3", "c4", "c5")
CROPS_PER_STEP = len(CAMERAS) * len(CROPS)
SUBSETS = ("lift_green__demos", "stack_green_on_red__demos")
_SHAPE = (600, 960)
_FIRST_ROWS = {"front_left": 71, "front_right": 91}
_FIRST_COLUMN = 144
# Corner (row, column) and side of the squares in the window, in the order of CROPS: all of its height in the middle;
# then top and bottom, each left, middle, right.
_SQUARES = ((0, 112, 448), *((row, column, 352) for row in (0, 96) for column in (0, 160, 320)))
_FRAME = struct.Struct("<Q")
_HEADER_BYTES, _FOOTER_BYTES = 12, 4
_OTHER_FILES = (".bz2", ".gz", ".zip", ".sqlite", ".json", ".txt", ".md5", ".md", ".sh")


def feature_name(camera):
    """str, the feature of a step that holds the picture of `camera`, one of `CAMERAS`."""
    return f"pixels/basket_{camera}"


def place(member):
    """Where a member of an archive belongs: all are episodes, folders are dropped; None for hidden files."""
    name = member.rsplit("/", maxsplit=1)[-1]
    return None if not name or name.startswith(".") else name


def folders(manual_dir):
    """Where episodes may lie: `sketchy` and `sketchy/records` of the manual directory, or that itself if so called."""
    folder = manual_dir if os.path.basename(os.path.abspath(manual_dir)) == "sketchy" else f"{manual_dir}/sketchy"
    return [folder, os.path.join(folder, "records")]


def list_episodes(directories):
    """Paths of the episode files in some directories (not below them), ordered by name.

    Raises:
        UserError: two files have the same name.
    """
    episodes = {}
    for directory in filter(os.path.isdir, directories):
        for entry in os.scandir(directory):
            if not entry.is_file() or entry.name.startswith(".") or entry.name.endswith(_OTHER_FILES):
                continue
            if entry.name in episodes:
                raise UserError(f"{entry.path}: the episode is there twice, also as {episodes[entry.name]}; remove one "
                                "copy")
            episodes[entry.name] = entry.path
    return [episodes[name] for name in sorted(episodes)]


def find_steps(path):
    """Where the steps of an episode lie.

    Args:
        path: str.

    Returns:
        List of tuples (offset, size in bytes) of the records; their content is not read.

    Raises:
        UserError: no uncompressed TFRecord, or cut off.
    """
    if tfrecord_files.detect_compression(path):
        raise UserError(f"{path}: a compressed TFRecord, the episodes of the release are uncompressed; unpack the "
                        "archive again")
    return list(walk_steps(path))


def walk_steps(path):
    """Yields what `find_steps` returns, and raises as it does, of an uncompressed TFRecord."""
    number, position, end = 0, 0, os.path.getsize(path)
    with open(path, "rb") as file:
        while position < end:
            header = file.read(_HEADER_BYTES)
            size = _FRAME.unpack_from(header)[0] if len(header) == _HEADER_BYTES else end
            following = position + _HEADER_BYTES + size + _FOOTER_BYTES
            if following > end:
                raise UserError(f"{path}: cut off or damaged in step {number}; unpack the archive again")
            yield position + _HEADER_BYTES, size
            number, position = number + 1, following
            file.seek(position)


def read_step(episode, step, jpegs):
    """Cuts the pictures of one step.

    Args:
        episode: str. Name of the episode.
        step: int.
        jpegs: dict from camera to bytes.

    Returns:
        List of 14 dicts as of `tfobj.data.scenes.generation.encode_scene`: by camera, by crop; `image`, and `episode`
        str, `step` int, `camera` and `crop` str.

    Raises:
        UserError: a picture is damaged or has another size.
    """
    scenes = []
    for camera, jpeg in jpegs.items():
        frame = pictures.decode(jpeg, f"{episode}, step {step}, {feature_name(camera)}", ("RGB",), _SHAPE)
        for crop, square in zip(CROPS, cut(frame, camera)):
            scenes.append({"image": pictures.encode(square), "episode": episode, "step": step, "camera": camera,
                           "crop": crop})
    return [generation.encode_scene(scene) for scene in scenes]


def cut(frame, camera):
    """The squares (seven `PIL.Image.Image`, 128x128) of a camera's picture, bilinear, in the order of `CROPS`."""
    squares = []
    for row, column, side in _SQUARES:
        top, left = _FIRST_ROWS[camera] + row, _FIRST_COLUMN + column
        square = frame.crop((left, top, left + side, top + side))
        squares.append(square.resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    return squares
