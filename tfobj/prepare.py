"""Builds data sets, lists them, and looks for damage.

    python -m tfobj.prepare --list                                            every data set and whether it is there
    python -m tfobj.prepare --dataset=tetrominoes --workers=2                 draw it here, no download
    python -m tfobj.prepare --dataset=tetrominoes --dataset_config=official   from the released file
    python -m tfobj.prepare --check --dataset=tetrominoes                     examine a prepared set
    python -m tfobj.prepare --check --file=tetrominoes_train.tfrecords        examine a downloaded file

A set that is there already is left alone (--overwrite builds it again). Sets are built aside and moved into place, so
an interrupted build leaves nothing behind that looks complete. A drawn example depends on the seed of the data set and
its own number only: the number of workers changes nothing but the time.

`official` looks for the released file in --manual_dir (by default DATA_DIR/manual), under its own name or with the
folder's name in front as browsers save it, and downloads it if it is not there.

--check reads every record, verifies checksums, looks at images and masks, writes a contact sheet, and prints one line
per problem with what to do about it. Exit status 0: healthy; 2: not.
"""

import dataclasses
import os

from absl import flags

from tfobj import command_line
from tfobj import config
from tfobj import flags as config_flags
from tfobj import registry
from tfobj.data import split_sizes
from tfobj.data.split_views import listed
from tfobj.errors import UserError
from tfobj.file_writing import readable_size

_NAMES = ("dataset", "dataset_variant", "dataset_config", "data_dir", "manual_dir")
_DataFlags = dataclasses.make_dataclass("_DataFlags", [
    (field.name, field.type, dataclasses.field(default=field.default, metadata=field.metadata))
    for field in dataclasses.fields(config.DataConfig) if field.name in _NAMES], frozen=True)

config_flags.define_config_flags(_DataFlags, "Which data set")
_LIST = flags.DEFINE_bool("list", False, "Print every data set and whether it is prepared.")
_WORKERS = flags.DEFINE_integer("workers", 1, "Processes that draw scenes.", lower_bound=1)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Build the set again even if it is there.")
_SPLIT_SIZES = flags.DEFINE_string("split_sizes", "", "Other numbers of examples than the configuration's: "
                                   "TRAIN,VALIDATION,TEST, e.g. 6,2,2; one number for every split; or "
                                   "SPLIT:NUMBER,..., e.g. test:50, which leaves out the splits that are not named.")
_CHECK = flags.DEFINE_bool("check", False, "Examine the prepared set, or --file.")
_FILE = flags.DEFINE_string("file", "", "--check: a TFRecord file, or the directory or archive of a release. "
                            "--dataset says what it is, where that is not recognised.")
_CHECK_EXAMPLES = flags.DEFINE_integer("check_examples", 1000, "--check: examples per split or file whose images and "
                                       "masks are looked at; 0: all. Every record is read in any case.", lower_bound=0)
_CONTACT_SHEET = flags.DEFINE_string("contact_sheet", "", "--check: where to write the PNG of up to 16 examples. "
                                     "(default: DATA_DIR/contact_sheets/NAME.png)")


def main():
    """Does what the flags ask for; returns the exit status."""
    data = config.DataConfig(**dataclasses.asdict(config_flags.read_config(_DataFlags)))
    if _LIST.value:
        return _list(data)
    if _FILE.value and not _CHECK.value:
        raise UserError("--file goes with --check; to build from a released file put it into --manual_dir")
    if not data.dataset and not _FILE.value:
        raise UserError(f"no data set was chosen; give --dataset=NAME, one of: {', '.join(sorted(registry.DATASETS))}, "
                        "or --list")
    if data.dataset:
        registry.dataset_entry(data.dataset)
    if data.dataset == "folder":
        raise UserError("--dataset=folder needs no preparation: its pictures are read and checked when training "
                        "starts; train on it with --dataset=folder --image_dir=DIRECTORY --image_size=64")
    return _check(data) if _CHECK.value else _prepare(data, split_sizes.parsed(_SPLIT_SIZES.value))


def _list(data):
    command_line.import_tensorflow()
    from tfobj.data import listing

    print("\n".join(listing.lines(data)))


def _prepare(data, sizes):
    command_line.import_tensorflow()
    from tfobj.data import next_steps
    from tfobj.data import prepared

    builder = prepared.create_builder(data)
    split_sizes.check_names(_SPLIT_SIZES.value, sizes, builder)
    existed = prepared.is_prepared(builder) and not _OVERWRITE.value
    try:
        builder = prepared.prepare_dataset(data, _WORKERS.value, True, _OVERWRITE.value, sizes)
    except KeyboardInterrupt:
        raise UserError("interrupted; nothing was kept, start the same command again") from None
    print(f"{builder.info.full_name} {'was there already' if existed else 'is ready'}: {os.fspath(builder.data_path)}")
    splits = ", ".join(f"{split} {info.num_examples:,}" for split, info in listed(builder.info.splits))
    number = builder.layout.max_objects
    print(f"  {splits} examples; {readable_size(int(builder.info.dataset_size))}; images "
          f"{'x'.join(map(str, builder.info.features['image'].shape))}, "
          f"{'objects are not labelled' if number is None else f'up to {number} objects'}")
    print(f"  {next_steps.after_preparation(data, builder.info.splits)}")


def _check(data):
    command_line.import_tensorflow()
    from tfobj.data import doctor

    report = doctor.examine(data, _FILE.value, _CHECK_EXAMPLES.value, _CONTACT_SHEET.value)
    print("\n".join(report.lines()))
    return 0 if report.healthy else 2


if __name__ == "__main__":
    command_line.run(main)
