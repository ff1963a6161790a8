"""The data doctor: looks at a record file or a prepared set and says what is wrong and how to mend it."""

import os

from tfobj import visualisation
from tfobj.data import doctor_release
from tfobj.data import prepared_files
from tfobj.data import records
from tfobj.data.doctor_file import check_file
from tfobj.data.doctor_prepared import check_prepared
from tfobj.errors import UserError


def examine(data_config, file="", max_examples=1000, contact_sheet=""):
    """Examines a file or a prepared set and draws a contact sheet.

    Args:
        data_config: `tfobj.config.DataConfig`. Names the set or, together with `file`, what the file should be; without
            `dataset` the file is recognised by its features.
        file: str. Path of a TFRecord file, or of a release of another kind (a file of it or its directory); empty: the
            prepared set.
        max_examples: int. Examples per file or split whose content is looked at; 0: all.
        contact_sheet: str. Path of the PNG with up to 16 examples, each as image, mask and overlay, of sequences the
            first frame; empty: `contact_sheets` in the data directory.

    Returns:
        `tfobj.data.doctor_report.HealthReport`.

    Raises:
        UserError: unknown or unprepared data set, a directory of which is not known what it is, or the picture cannot
            be written.
    """
    if file and _is_other_release(data_config, file):
        released = doctor_release.identified(data_config, file)
        report, content = doctor_release.check_release(released, file, max_examples)
        name = os.path.basename(os.path.normpath(file))
    elif file:
        report, content = check_file(file, _family_names(data_config), max_examples)
        name = os.path.basename(file)
    else:
        report, content = check_prepared(data_config, max_examples)
        name = "-".join(filter(None, [data_config.dataset, data_config.dataset_variant, data_config.dataset_config]))
    if content is not None and content.images:
        path = contact_sheet or os.path.join(os.path.expanduser(data_config.data_dir), "contact_sheets", f"{name}.png")
        _draw(content, path)
        report.fact("contact sheet", path)
    return report


def _is_other_release(data_config, path):
    """Whether a path belongs to a release that is not one record file of the multi-object family."""
    if data_config.dataset:
        return doctor_release.is_release_of_files(data_config.dataset)
    recognised = os.path.exists(path) and doctor_release.recognise(path) is not None
    if os.path.isdir(path) and not recognised:
        raise UserError(f"--file={path}: {_foreign_directory(path)}")
    return recognised


def _foreign_directory(path):
    """What a directory is that is no release by its names, and what to do."""
    if os.path.exists(os.path.join(path, prepared_files.INFO)):
        return "this is a prepared set; check it with --check --dataset=NAME --data_dir=DIRECTORY, without --file"
    return ("this directory is not recognised as a release; say of which with --dataset=NAME, or give one of its files")


def _family_names(data_config):
    """The rows of `records.FAMILIES` that the flags leave open; the features tell which of them it is."""
    name, variant = data_config.dataset, data_config.dataset_variant
    key = f"{name}/{variant}" if variant else name
    keys = tuple(records.FAMILIES) if not name else tuple(
        row for row in records.FAMILIES if row == key or (not variant and row.startswith(f"{key}/")))
    if not keys:
        raise UserError(f"--dataset={key.replace('/', ' --dataset_variant=')} has no released file; with --file, "
                        f"choose one of: {', '.join(records.FAMILIES)}")
    return keys


def _draw(content, path):
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        first = f"frame 1 of {content.num_frames}" if content.num_frames else "image"
        visualisation.save_png(path, visualisation.contact_sheet(
            content.images, content.masks or None, columns=2, titles=(first, "mask", "overlay")))
    except OSError as error:
        raise UserError(f"--contact_sheet={path}: cannot be written ({error.strerror or error}); choose another path"
                        ) from error
