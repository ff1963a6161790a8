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

_MEND = "fetch or write the file again"


def check_file(path, family_name=None, max_examples=1000):
    """Examines a TFRecord file.

    Args:
        path: str.
        family_name: str or None. Key of `records.FAMILIES`; None: recognised by the features.
        max_examples: int. Records whose content is looked at; 0: all. Every record is read in any case.

    Returns:
        Tuple (`HealthReport`, `ContentCheck` or None if no record could be decoded).
    """
    report = HealthReport(path)
    try:
        compression = tfrecord_files.detect_compression(path)
    except UserError as error:
        report.problems.append(str(error))
        return report, None
    report.fact("size", f"{os.path.getsize(path):,} bytes")
    _report_compression(report, path, compression)
    if compression == "ZLIB":
        return report, None
    examination = _Examination(report, path, family_name, max_examples)
    count = scan_records(path, compression, examination.visit, report, _MEND)
    report.fact("readable records", f"{count:,}")
    examination.finish()
    return report, examination.content


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
    """Looks at the records that `scan_records` brings along; the first one decides what the file is."""

    def __init__(self, report, path, family_name, max_examples):
        self.content, self._file_name = None, os.path.basename(path)
        self._report, self._family_name, self._limit = report, family_name, max_examples or float("inf")
        self._family, self._planes = None, None

    def visit(self, index, serialized):
        """Examines record `index` (int), `serialized` bytes."""
        if index == 0:
            self._identify(serialized)
        if self._family is None or index >= self._limit:
            return
        record, wrong = doctor_schema.decode(serialized, self._family)
        for difference in wrong:
            self.content.findings.add(f"record {index}", difference,
                                      f"{_MEND} as {self._family_name}, or say what it is with --dataset=NAME")
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
        if self._family_name is None:
            self._family_name, _ = doctor_schema.recognise(features, self._file_name)
        if self._family_name is None:
            self._report.problem(*_unknown(features))
            return
        self._family = records.FAMILIES[self._family_name]
        self._report.fact("kind", self._family_name)
        self.content = ContentCheck(self._family.max_objects, _MEND)
        self._planes = PlanesCheck(self._family, self.content.findings, _MEND)

    def _visibility(self, record):
        first = self._family.background_entities
        return np.concatenate([[True], record["visibility"][first:] > 0.5]) if "visibility" in record else None

    def _check_numbers(self, index, record):
        for name in self._family.factors:
            if not np.isfinite(record[name]).all():
                self.content.findings.add(f"record {index}", f"factor {name!r} holds NaN or infinity", _MEND)


def _unknown(features):
    if {"id", "image", "mask", "num_objects"} <= set(features):
        return ("this is a file of a prepared set", "check the whole set: --check --dataset=NAME --data_dir=DIRECTORY")
    if "pixels/basket_front_left" in features:
        return "this is an episode of Sketchy", "check it as such: --check --dataset=sketchy --file=FILE"
    return (f"the features fit none of: {', '.join(records.FAMILIES)}",
            "give a file of one of these, or say which it should be with --dataset=NAME")
