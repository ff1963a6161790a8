"""A directory of the user's own pictures, read with Pillow. See `tfobj.data.memory` for what a store has."""

import concurrent.futures
import hashlib
import os
import tempfile

import numpy as np
import PIL.Image
import rich.progress

from tfobj import photos
from tfobj.data import folder_splits
from tfobj.data import framing
from tfobj.data import locations
from tfobj.errors import UserError

_EXTENSIONS = (".png", ".jpg", ".jpeg")
_QUIET_UP_TO = 200  # files that are read faster than a progress bar is of use
_LAYOUT = "1"  # raise when the stored pictures change for the same files


class FolderPictures:
    """PNG and JPEG files below --image_dir, resized to --image_size.

    All files are read once, at opening, which finds the broken ones; the resized pictures are kept in
    `<data_dir>/folder/` and reread from there as long as no file changes. There are no masks. The files are sorted by
    their path below --image_dir and split as `tfobj.data.folder_splits` says.

    Args:
        data_config: `DataConfig`. `image_dir`, `image_size` and `data_dir` are used.

    Raises:
        UserError: no directory, no size, fewer than 3 files, or a file that is no image.
    """

    name = "folder"
    has_masks = has_factors = False
    max_objects = None
    num_frames = 0

    def __init__(self, data_config):
        size = framing.parse_image_size(data_config.image_size)
        if size is None:
            raise UserError("--dataset=folder needs --image_size, the size that all pictures are brought to; add for "
                            "example --image_size=64 or --image_size=96x128")
        self.image_shape = (*size, 3)
        self._directory = os.path.expanduser(data_config.image_dir)
        self._names = _find_images(self._directory)
        self._images = self._load(size, os.path.join(locations.data_dir(data_config), "folder"))
        self._parts = folder_splits.parts(len(self._names))
        self.sizes = {split: part.stop - part.start for split, part in self._parts.items()}

    @property
    def class_names(self):
        """dict, empty: nobody has described the objects."""
        return {}

    def paths(self, split):
        """Files of `split` relative to --image_dir, list of str in index order."""
        return self._names[self._parts[split]]

    def arrays(self, split):
        """{"image": uint8 [n,H,W,3]} of `split`."""
        return {"image": self._images[self._parts[split]]}

    def fingerprint(self):
        """Identity of the folder: number of files and a hash over their names and sizes."""
        listing = [(name, os.path.getsize(os.path.join(self._directory, name))) for name in self._names]
        return {"dataset": "folder", "num_images": len(self._names),
                "sha256": hashlib.sha256(repr(listing).encode()).hexdigest()}

    def _load(self, size, cache_directory):
        """The resized pictures, uint8 [N,H,W,3], mapped from the cache file where one can be written."""
        stats = [os.stat(os.path.join(self._directory, name)) for name in self._names]
        listing = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in zip(self._names, stats)]
        key = hashlib.sha256(repr((_LAYOUT, size, listing)).encode()).hexdigest()[:16]
        path = os.path.join(cache_directory, f"images-{key}.npy")
        shape = (len(self._names), *size, 3)
        try:
            return np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError):  # absent or damaged
            pass
        try:
            os.makedirs(cache_directory, exist_ok=True)
            handle, temporary = tempfile.mkstemp(suffix=".partial", dir=cache_directory)
            os.close(handle)
        except OSError:  # nothing can be kept: hold the pictures in memory
            return self._fill(np.empty(shape, np.uint8))
        try:
            images = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
            self._fill(images).flush()
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        return np.load(path, mmap_mode="r")

    def _fill(self, images):
        paths = [os.path.join(self._directory, name) for name in self._names]
        broken = []
        with rich.progress.Progress(disable=len(paths) <= _QUIET_UP_TO) as progress, \
                concurrent.futures.ThreadPoolExecutor() as pool:  # decoders release the interpreter lock
            results = pool.map(lambda path: _try_load(path, images.shape[1:3]), paths)
            for i, (image, error) in enumerate(progress.track(results, len(paths), description="reading images")):
                if error:
                    broken.append(error)
                else:
                    images[i] = image
        if broken:
            others = f" (and {len(broken) - 1} more files like it)" if len(broken) > 1 else ""
            raise UserError(f"{broken[0]}{others}")
        return images


def _try_load(path, size):
    """Reads and resizes one file, bilinear with antialias; returns (uint8 [H,W,3], None) or (None, message)."""
    try:
        image = photos.read(path)
    except UserError as error:  # its advice, after the last semicolon, is about a single photo
        return None, f"{str(error).rpartition(';')[0]}; remove or replace this file"
    image = PIL.Image.fromarray(image.repeat(3 // image.shape[2], axis=2))
    return np.asarray(image.resize(size[::-1], PIL.Image.Resampling.BILINEAR)), None


def _find_images(directory):
    """Names of the image files below `directory`, relative to it, sorted; hidden files are left out."""
    if not directory:
        raise UserError("--dataset=folder needs --image_dir, the directory of your PNG or JPEG files")
    if not os.path.isdir(directory):
        raise UserError(f"--image_dir={directory} is no directory; give the directory of your PNG or JPEG files")
    names = [os.path.relpath(os.path.join(parent, file), directory) for parent, _, files in os.walk(directory)
             for file in files if file.lower().endswith(_EXTENSIONS) and not file.startswith(".")]
    if len(names) < 3:
        raise UserError(f"--image_dir={directory} holds {len(names)} PNG or JPEG files; at least 3 are needed, one "
                        "each to train, validate and test")
    return sorted(names)
