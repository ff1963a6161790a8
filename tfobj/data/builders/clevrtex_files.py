"""The files of the ClevrTex release. Worker processes load it: no TensorFlow here.

    clevrtex_<variant>/<chunk>/CLEVRTEX_<variant>_<6 digits>.png        240x320, RGB or RGBA
                               CLEVRTEX_<variant>_<6 digits>_flat.png   palette picture, the index is the object
                               CLEVRTEX_<variant>_<6 digits>.json       what the scene is made of

Depth, normals and the like lie beside them and are not read.
"""

import json
import os
import re

import numpy as np

from tfobj.data.builders import pictures
from tfobj.data.scenes import generation
from tfobj.data.scenes.scene import make_scene
from tfobj.errors import UserError

SHAPE = (240, 320)
MAX_OBJECTS = 10
_NUMBERS = {"rotation": (), "3d_coords": (3,), "pixel_coords": (3,)}
SUFFIXES = (".png", "_flat.png", ".json")
# The release calls one material by the name of another; its authors' list of errata has the right one.
_MISNAMED = {"poliigonfabricupholsterybrightanglepattern001": "poliigonfabricupholsterymidcenturypebbles001"}


def placer(variant):
    """Callable for `release_files.unpack` that keeps the needed members of the archives of a variant."""
    pattern = re.compile(rf"(?:.*/)?([^/]+/CLEVRTEX_{variant}_\d{{6}}(?:\.png|_flat\.png|\.json))")

    def place(member):
        match = pattern.fullmatch(member)
        return match[1] if match else None

    return place


def find_root(manual_dir, variant):
    """Directory `clevrtex_VARIANT`: the manual directory itself, in it, or in its `clevrtex`; None if there is none."""
    name = f"clevrtex_{variant}"
    if os.path.basename(os.path.abspath(manual_dir)) == name and os.path.isdir(manual_dir):
        return manual_dir
    roots = [os.path.join(manual_dir, name), os.path.join(manual_dir, "clevrtex", name)]
    return next(filter(os.path.isdir, roots), None)


def list_scenes(root, variant):
    """The scenes below a directory, in the order of their numbers.

    Args:
        root: str.
        variant: str.

    Returns:
        List of str, paths without suffix, not empty.

    Raises:
        UserError: there are none, numbers are missing or occur twice, or one of the three files of a scene is missing.
    """
    pattern, scenes = re.compile(rf"(CLEVRTEX_{variant}_(\d{{6}}))\.png"), {}
    for directory, _, names in os.walk(root):
        present = set(names)
        for match in filter(None, map(pattern.fullmatch, names)):
            path, number = os.path.join(directory, match[1]), int(match[2])
            _check_new(scenes, number, path)
            _check_complete(match[1], path, present)
            scenes[number] = path
    if not scenes:
        raise UserError(f"{root}: holds no picture CLEVRTEX_{variant}_######.png; unpack the archives of the variant "
                        f"{variant} there")
    missing = next(number for number in range(len(scenes) + 1) if number not in scenes)
    if missing < len(scenes):
        raise UserError(f"{root}: scene {missing:06d} is missing, but there are {len(scenes):,} up to "
                        f"{max(scenes):06d}; unpack every archive of the variant {variant}")
    return [scenes[number] for number in range(len(scenes))]


def _check_new(scenes, number, path):
    if number in scenes:
        raise UserError(f"{path}.png: scene {number:06d} is there twice, also as {scenes[number]}.png; remove one copy")


def _check_complete(name, path, present):
    for suffix in SUFFIXES:
        if f"{name}{suffix}" not in present:
            raise UserError(f"{path}{suffix} is missing beside {name}.png; unpack the archive again")


def read_scene(path):
    """Reads one example.

    Args:
        path: str, without suffix.

    Returns:
        dict as of `tfobj.data.scenes.generation.encode_scene`. `objects`: `shape`, `size`, `material`, `color` str
        [10], "" beyond the objects of the scene; `rotation` [10], `coords_3d` and `pixel_coords` [10,3] float32. Also
        `ground_material` str.

    Raises:
        UserError: a file is damaged or not what it should be.
    """
    image = pictures.rgb_png(pictures.read(f"{path}.png"), f"{path}.png", SHAPE)
    mask = np.asarray(pictures.decode(pictures.read(f"{path}_flat.png"), f"{path}_flat.png", ("P",), SHAPE))
    objects, ground_material = read_metadata(f"{path}.json")
    number = len(objects["shape"])
    if mask.max() > number:
        raise UserError(f"{path}_flat.png: shows object {mask.max()}, but {path}.json lists {number} objects; fetch "
                        "the original files again")
    scene = make_scene(image, mask, MAX_OBJECTS, objects)
    return generation.encode_scene({**scene, "ground_material": ground_material})


def read_metadata(path):
    """Reads the description of a scene.

    Args:
        path: str, a JSON file.

    Returns:
        Tuple (dict from factor name to array [n, ...], row k-1 belonging to object k; name of the ground's material).
        Materials are named in lower case, and by their right names.

    Raises:
        UserError: no such description.
    """
    try:
        content = json.loads(pictures.read(path))
        rows = sorted(content["objects"], key=lambda row: row["index"])
        factors = {"shape": np.array([str(row["shape"]) for row in rows]),
                   "size": np.array([str(row["size"]) for row in rows]),
                   "material": np.array([material_name(row["material"]) for row in rows]),
                   "color": np.array([str(row.get("color", "")) for row in rows])}
        for name, shape in _NUMBERS.items():
            values = np.array([row[name] for row in rows], np.float32).reshape(len(rows), *shape)
            factors["coords_3d" if name == "3d_coords" else name] = values
        ground_material = material_name(content["ground_material"])
        numbers = [row["index"] for row in rows]
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        raise UserError(f"{path}: no description of a ClevrTex scene ({type(error).__name__}: {error}); fetch the "
                        "original file again") from error
    if numbers != list(range(1, len(rows) + 1)) or not 0 < len(rows) <= MAX_OBJECTS:
        raise UserError(f"{path}: its objects are numbered {numbers}, expected 1, 2, ... up to at most {MAX_OBJECTS}; "
                        "fetch the original file again")
    return factors, ground_material


def material_name(name):
    """The name of a material as it is stored: lower case, and the right one where the release errs."""
    return _MISNAMED.get(name.lower(), name.lower())
