"""Reads CLEVR v1.0 for its builder (what that means: `tfobj.data.builders.official_records`)."""

import dataclasses
import os
import sys
import tempfile

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from tfobj.data import prepared
from tfobj.data.builders import clevr_files
from tfobj.data.builders import official_file
from tfobj.data.builders import release_files
from tfobj.data.builders.layout import Layout
from tfobj.data.scenes import generation
from tfobj.errors import UserError

_STOCK = "clevr:3.1.0"
_ARCHIVE = release_files.ReleasedFile("https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip", "clevr")
_SPLITS = ("train", "validation", "test")
_FACTORS = ("shape", "size", "color", "material", "rotation", "3d_coords", "pixel_coords")


@dataclasses.dataclass(frozen=True)
class OfficialClevr:
    """The whole frames with the objects' properties, in the order of TFDS' own builder `clevr:3.1.0`.

    That set is taken from the data directory if it is prepared there, else prepared there first, which needs
    CLEVR_v1.0.zip: from the manual directory or its `clevr` folder, else downloaded (19 GB); its checksum is verified.

    Attributes:
        extras: dict from name to TFDS feature: `file_name`.
    """

    extras: dict

    @property
    def layout(self):
        """320x480, up to ten objects, no masks."""
        return Layout((*clevr_files.SHAPE, 3), clevr_files.MAX_OBJECTS, has_masks=False, extras=self.extras)

    def splits(self, dl_manager, manual_dir, sizes, workers):
        """See `tfobj.data.builders.official_records`; `sizes` is not used, the splits are those of the release."""
        del sizes
        download_dir = os.fspath(dl_manager.download_dir)
        stock = tfds.builder(_STOCK, data_dir=os.path.dirname(download_dir))
        if not prepared.is_prepared(stock):  # TFDS' own method warns where nothing is there
            archive = official_file.locate(dl_manager, manual_dir, _ARCHIVE)
            if getattr(dl_manager, "offline", False):  # the data doctor, who must not write gigabytes
                raise UserError(f"{archive}: is checked while it is prepared; run python -m tfobj.prepare "
                                "--dataset=clevr_properties --dataset_config=official")
            _prepare(stock, archive, download_dir)
        return {split: (stock.info.splits[split].num_examples,
                        generation.ordered_map(clevr_files.read_scene, _tasks(stock, split), workers))
                for split in _SPLITS}


def _prepare(stock, archive, download_dir):
    expected, found = stock.url_infos[_ARCHIVE.url].size, os.path.getsize(archive)
    if found != expected:
        raise _not_the_original(archive, f"{found:,} bytes instead of {expected:,}")
    print(f"preparing TFDS' {_STOCK} from {archive} in {stock.data_dir}; it may be deleted when the data set is ready, "
          f"as may {download_dir}/extracted", file=sys.stderr, flush=True)
    tfds.enable_progress_bar()
    try:
        with tempfile.TemporaryDirectory(dir=download_dir) as manual_dir:
            # TFDS looks for manual files by the name that goes with the registered checksum.
            os.symlink(os.path.abspath(archive), os.path.join(manual_dir, _ARCHIVE.file_name))
            config = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
            stock.download_and_prepare(download_dir=download_dir, download_config=config)
    except NonMatchingChecksumError as error:
        raise _not_the_original(archive, "another checksum") from error
    finally:
        tfds.disable_progress_bar()


def _not_the_original(archive, reason):
    return UserError(f"{archive}: not the original CLEVR_v1.0.zip ({reason}); fetch it again from {_ARCHIVE.url}")


def _tasks(stock, split):
    """Arguments of `clevr_files.read_scene`, in stored order; pictures are not decoded."""
    decoders = {"image": tfds.decode.SkipDecoding()}
    read_config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    dataset = stock.as_dataset(split=split, shuffle_files=False, decoders=decoders, read_config=read_config)
    for example in dataset.as_numpy_iterator():
        objects = {name.replace("3d_coords", "coords_3d"): example["objects"][name] for name in _FACTORS}
        yield example["file_name"].decode(), example["image"], objects
