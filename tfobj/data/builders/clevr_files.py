"""Converts one example of CLEVR v1.0. Worker processes load it: no TensorFlow here."""

import numpy as np

from tfobj.data.builders import pictures
from tfobj.data.scenes import generation
from tfobj.data.scenes.scene import pad_rows
from tfobj.errors import UserError

SHAPE = (320, 480)
MAX_OBJECTS = 10


def read_scene(name, image, objects):
    """Converts one example.

    Args:
        name: str. Name of the picture's file.
        image: bytes of the PNG file; kept as they are if it is RGB.
        objects: dict from factor name to array [n, ...].

    Returns:
        dict as of `tfobj.data.scenes.generation.encode_scene`, without masks; the first n objects count as visible.
        Also `file_name`.

    Raises:
        UserError: the picture is damaged, or there are more than ten objects.
    """
    number = len(objects["shape"])
    if number > MAX_OBJECTS:
        raise UserError(f"{name}: lists {number} objects, expected at most {MAX_OBJECTS}; fetch CLEVR_v1.0.zip again")
    return generation.encode_scene({
        "image": pictures.rgb_png(image, name, SHAPE), "visibility": np.arange(MAX_OBJECTS + 1) <= number,
        "objects": {key: pad_rows(values, MAX_OBJECTS) for key, values in objects.items()}, "file_name": name})
