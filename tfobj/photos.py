"""The user's own images: finding, checking, reading and naming them. Pillow and NumPy only."""

import glob
import os
import warnings

import numpy as np
from PIL import Image
from PIL import ImageOps

from tfobj.errors import UserError

_EXPECTED = "expected an image that Pillow reads, such as PNG or JPEG"


def find(pattern):
    """Lists the files that a pattern matches, sorted.

    Args:
        pattern: str. A glob such as `photos/*.png` (`**` matches directories of any depth) or one file.

    Returns:
        List of str, at least one.

    Raises:
        UserError: nothing matches.
    """
    pattern = os.path.expanduser(pattern)
    if os.path.isdir(pattern):
        raise UserError(f"--images={pattern} is a directory; say which files in it, such as "
                        f"--images='{os.path.join(pattern, '*.png')}'")
    paths = [pattern] if os.path.isfile(pattern) else sorted(filter(os.path.isfile, glob.glob(pattern, recursive=True)))
    if not paths:
        raise UserError(f"--images={pattern!r} matches no file (looked in {os.getcwd()}); give a pattern such as "
                        "--images='photos/*.png', in quotes so that the shell leaves it alone")
    return paths


def check(paths, out, report=None):
    """Reads every image once, so that nothing is written if one of them is unusable.

    Args:
        paths: Sequence of str.
        out: str. Output directory.
        report: Callable (images done, images in all) or None.

    Raises:
        UserError: an image cannot be read, or images lie in `out`.
    """
    folder = os.path.realpath(out)
    for path in paths:
        if os.path.realpath(os.path.dirname(path)) == folder:
            raise UserError(f"--out={out} is the directory of {path}: results would mix with photos; "
                            "choose another directory")
    for number, path in enumerate(paths, start=1):
        read(path)
        if report is not None:
            report(number, len(paths))


def read(path):
    """Reads one image of any kind as it is meant to be seen.

    Gray, palette, CMYK and 16-bit images are converted, EXIF rotation is applied, transparency is ignored, and of an
    animation the first frame is taken.

    Args:
        path: str.

    Returns:
        uint8 [h,w,3], or [h,w,1] of a gray image.

    Raises:
        UserError: the file is no image, damaged, or too large to be one in good faith.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # large photos and odd metadata are the user's business
            with Image.open(path) as picture:
                picture.load()
                return _pixels(ImageOps.exif_transpose(picture))
    except Image.UnidentifiedImageError:
        raise UserError(f"{path}: this is no image, {_EXPECTED}; remove it or narrow --images") from None
    except Image.DecompressionBombError:
        raise UserError(f"{path}: more than {2 * Image.MAX_IMAGE_PIXELS:,} pixels; reduce the image first") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read ({reason}), {_EXPECTED}; repair or remove it") from None


def names(paths):
    """Gives every image a name for its outputs.

    Args:
        paths: Sequence of different paths.

    Returns:
        List of str: the file's stem where that is unique; otherwise its path below the common directory, with
        underscores, and with the extension or a number if that is what tells files apart. Different also for file
        systems that ignore case.
    """
    absolute = [os.path.abspath(path) for path in paths]
    root = os.path.commonpath([os.path.dirname(path) for path in absolute])
    relative = [os.path.relpath(path, root).replace(os.sep, "_") for path in absolute]
    candidates = [[os.path.splitext(os.path.basename(path))[0] for path in absolute],
                  [os.path.splitext(name)[0] for name in relative],
                  [name.replace(".", "_") for name in relative]]
    chosen, taken = [None] * len(paths), set()
    for level in candidates:
        counts = {}
        for name in level:
            counts[name.casefold()] = counts.get(name.casefold(), 0) + 1
        for index, name in enumerate(level):
            if chosen[index] is None and counts[name.casefold()] == 1 and name.casefold() not in taken:
                chosen[index] = name
                taken.add(name.casefold())
    for index, name in enumerate(candidates[-1]):
        number = 2
        while chosen[index] is None:
            if f"{name}_{number}".casefold() not in taken:
                chosen[index] = f"{name}_{number}"
                taken.add(chosen[index].casefold())
            number += 1
    return chosen


def _pixels(picture):
    """uint8 [h,w,1 or 3] of a Pillow image."""
    if picture.mode.startswith("I"):  # 16 bits; Pillow's own conversion would clip instead of scale
        return np.uint8(np.clip(np.asarray(picture, np.float64) / 257.0, 0.0, 255.0) + 0.5)[..., None]
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    gray = picture.mode in ("1", "L", "LA", "La")
    array = np.asarray(picture.convert("L" if gray else "RGB"))
    return np.array(array[..., None] if gray else array)
