"""The data doctor for record files as they are downloaded."""

import os

import numpy as np

from tfobj.data import doctor_schema
from tfobj.data import records
from tfobj.data import tfrecord_files
from tfobj.data.doctor_content import ContentCheck
from tfobj.data.doctor_planes import PlanesCheck
from tfobj.data.doctor_report import HealthReport
from tfobj.data.doctor_scan import scan_records
from tfobj.errors import UserError

ARCHIVES = (".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tgz", ".zip")
_MEND = "fetch or write the file again"


def check_file(path, family_names=tuple(records.FAMILIES), max_examples=1000):
    """Examines a TFRecord file.

    Args:
        path: str.
        family_names: Tuple of str, keys of `records.FAMILIES`; the features tell which of them it is.
        max_examples: int. Records whose content is looked at; 0: all. Every record is read in any case.

    Returns:
        Tuple (`HealthReport`, `ContentCheck` or None if no record could be decoded).
    """
    report = HealthReport(path)
    try:
        compression = tfrecord_files.detect_compression(path)
    except UserError as error:
        report.problems.append(f"{error}{_archive_hint(path)}")
        return report, None
    report.fact("size", f"{os.path.getsize(path):,} bytes")
    _report_compression(report, path, compression)
    if compression == "ZLIB":
        return report, None
    examination = _Examination(report, path, family_names, max_examples)
    count = scan_records(path, compression, examination.visit, report, _MEND)
    _report_count(report, count, examination.family)
    examination.finish()
    return report, examination.content


def _archive_hint(path):
    return "; if it is an archive of a release, say of which with --dataset=NAME" if path.endswith(ARCHIVES) else ""


def _report_count(report, count, family):
    """A file may end between two records and look whole, so its length is compared with the release's.

    That is no problem: the release's length is known second hand, and a part of it can be used.
    """
    text = f"{count:,}"
    if family is not None and count <= family.num_records:
        text = f"{count:,} of the {family.num_records:,} records of the release"
    elif family is not None:
        text = f"{count:,}, the release is said to hold {family.num_records:,}"
    report.fact("readable records", text)
    if family is not None and count < family.num_records:
        report.partial = text


def _report_compression(report, path, compression):
    says_gzip, text = path.endswith((".gz", ".gzip")), compression or "none"
    if says_gzip != (compression == "GZIP"):
        text += f" (by its content; the name {'says GZIP' if says_gzip else 'does not say so'})"
    report.fact("compression", text)
    if compression == "ZLIB":
        try:
            tfrecord_files.sniff_compression(path)
        except UserError as error:
            report.problems.append(str(error))


class _Examination:
    """Looks at the records that `scan_records` brings along; the first one decides what the file is.

    Attributes:
        content: `ContentCheck`, None before the file is known.
        family: `RecordFamily`, None before the file is known.
    """

    def __init__(self, report, path, family_names, max_examples):
        self.content, self._file_name = None, os.path.basename(path)
        self._report, self._family_names, self._limit = report, family_names, max_examples or float("inf")
        self.family, self._planes, self._mend_difference = None, None, _MEND

    def visit(self, index, serialized):
        """Examines record `index` (int), `serialized` bytes."""
        if index == 0:
            self._identify(serialized)
        if self.family is None or index >= self._limit:
            return
        record, wrong = doctor_schema.decode(serialized, self.family)
        for difference in wrong:
            self.content.findings.add(f"record {index}", difference, self._mend_difference)
        if record is None:
            self.content.examined += 1
            return
        mask = self._planes.label_map(f"record {index}", record["mask"])
        self._check_numbers(index, record)
        self.content.add(f"record {index}", record["image"], mask, self._visibility(record))

    def finish(self):
        """Adds what was found over all records to the report."""
        if self.content is None:
            return
        self._report.fact("content examined", f"{self.content.examined:,} records")
        if self.content.images:
            self._planes.report_to(self._report)
        self.content.report_to(self._report)

    def _identify(self, serialized):
        features = doctor_schema.features_of(serialized)
        if features is None:
            self._report.problem("record 0 is no tf.train.Example", "give the path of a file of such records")
            return
        listed = ", ".join(f"{name} {kind}[{length:,}]" for name, (kind, length) in sorted(features.items()))
        self._report.fact("features", listed)
        name, differences = doctor_schema.recognise(features, self._file_name, self._family_names)
        mistaken = _mistaken(features, self._file_name, self._family_names) if differences else None
        if name is None or mistaken:
            self._report.problem(*(mistaken or _unknown(features, self._family_names)))
            return
        self.family = records.FAMILIES[name]
        self._report.fact("kind", name)
        self.content = ContentCheck(self.family.max_objects, _MEND)
        self._planes = PlanesCheck(self.family, self.content.findings, _MEND)
        self._mend_difference = f"{_MEND} as {name}"
        if len(self._family_names) == len(records.FAMILIES):  # nobody has said what it should be
            self._mend_difference += ", or say what it is with --dataset=NAME"

    def _visibility(self, record):
        first = self.family.background_entities
        return np.concatenate([[True], record["visibility"][first:] > 0.5]) if "visibility" in record else None

    def _check_numbers(self, index, record):
        for name, _, expected in records.wrong_numbers(record, self.family):
            self.content.findings.add(f"record {index}", f"feature {name!r} holds other values than {expected}", _MEND)


def _mistaken(features, file_name, family_names):
    """The problem (what, what to do) of a file that fits another family than those; None if it fits none."""
    name, differences = doctor_schema.recognise(features, file_name)
    if name is None or differences:
        return None
    dataset, _, variant = name.partition("/")
    asked = sorted({key.partition("/")[0] for key in family_names})
    found, wanted = (name, family_names) if dataset in asked else (dataset, asked)
    return (f"this is a file of {found}, not of {' or '.join(wanted)}",
            f"check it with --dataset={dataset}" + (f" --dataset_variant={variant}" if variant else ""))


def _unknown(features, family_names):
    if {"id", "image", "mask", "num_objects"} <= set(features):
        return ("this is a file of a prepared set", "check the whole set: --check --dataset=NAME --data_dir=DIRECTORY")
    if doctor_schema.is_sketchy(features):
        return "this is an episode of Sketchy", "check it with --dataset=sketchy"
    return (f"the features fit none of: {', '.join(family_names)}",
            "give a file of one of these, or say what else it is with --dataset=NAME")
