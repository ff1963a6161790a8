"""The data doctor for prepared sets."""

import io
import os
import re

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from tfobj.data import locations
from tfobj.data import prepared
from tfobj.data import split_views
from tfobj.data import tfrecord_files
from tfobj.data.doctor_content import ContentCheck
from tfobj.data.doctor_report import HealthReport
from tfobj.data.doctor_scan import scan_records
from tfobj.data.example_reader import flat_parts, nested_parts, parsed_type
from tfobj.data.scenes import generation
from tfobj.errors import UserError
from tfobj.labels import IGNORE_ID

_TENSORFLOW_NOISE = re.compile(r"\{\{.*?\}\}|\[Op:.*|\[\[.*", re.DOTALL)


def check_prepared(data_config, max_examples=1000):
    """Examines a prepared set: every shard to the end, the content of the first examples of each split.

    Args:
        data_config: `tfobj.config.DataConfig`.
        max_examples: int. Examples per split whose content is looked at; 0: all.

    Returns:
        Tuple (`HealthReport`, `ContentCheck`).

    Raises:
        UserError: the set is unknown or not prepared.
    """
    builder = prepared.open_prepared(data_config)
    report = HealthReport(f"{builder.info.full_name} in {builder.data_path}")
    mend = f"build the set again: {locations.prepare_command(data_config)} --overwrite"
    content = ContentCheck(builder.layout.max_objects, mend)
    if _check_features(report, builder, mend):
        for split, info in split_views.listed(builder.info.splits):
            _SplitExamination(report, content, builder, split, info, max_examples, mend).run()
    report.fact("content examined", f"{content.examined:,} examples")
    content.report_to(report)
    report.fact("fingerprint", prepared.fingerprint(builder)["sha256"])
    return report, content


def _check_features(report, builder, mend):
    """Compares the features on disk with those of the builder; returns whether they agree."""
    try:
        stored = tfds.builder_from_directory(os.fspath(builder.data_path)).info.features
    except Exception as error:  # JSON, protocol buffers and TFDS each raise their own kinds
        report.problem(f"features.json cannot be read ({type(error).__name__})", mend)
        return False
    stored, expected = (_flat_features(features) for features in (stored, builder.info.features))
    report.fact("features", ", ".join(sorted(stored)))
    for name in sorted(set(stored) | set(expected)):
        if stored.get(name) != expected.get(name):
            report.problem(f"feature {name!r} is {stored.get(name, 'missing')}, expected {expected.get(name, 'none')}",
                           mend)
    return stored == expected


def _flat_features(features):
    return dict(_leaves("", features.get_tensor_spec()))


def _leaves(prefix, specs):
    """Yields (path, description) of the tensors in nested dictionaries."""
    for name, spec in specs.items():
        if isinstance(spec, dict):
            yield from _leaves(f"{prefix}{name}/", spec)
        else:
            yield f"{prefix}{name}", f"{spec.dtype.name}{list(spec.shape)}"


class _SplitExamination:
    """Reads the shards of one split."""

    def __init__(self, report, content, builder, split, info, max_examples, mend):
        self._report, self._content, self._mend = report, content, mend
        self._features = builder.info.features
        self._split, self._info, self._limit = split, info, max_examples or float("inf")
        self._shapes = {name: self._features[name].shape for name in generation.PICTURES if name in self._features}
        stored = flat_parts(self._features.get_serialized_info())
        self._stored = {name: tf.io.FixedLenFeature(info.shape, parsed_type(info.tf_dtype))
                        for name, info in stored.items()}
        self._position = 0

    def run(self):
        """Checks the shards one after the other."""
        lengths = self._info.shard_lengths
        for path, expected in zip(self._info.filepaths, lengths):
            start = self._position
            found = self._scan(os.fspath(path), expected)
            if found is not None and found != expected:
                self._report.problem(f"{path}: {found:,} records, dataset_info.json says {expected:,}", self._mend)
            self._position = start + expected
        self._report.fact(self._split, f"{self._info.num_examples:,} examples in {len(lengths)} files")

    def _scan(self, path, expected):
        try:
            compression = tfrecord_files.detect_compression(path)
        except UserError as error:
            self._report.problem(str(error).split(";", maxsplit=1)[0], self._mend)
            return None
        if compression:
            self._report.problem(f"{path}: compressed with {compression}, files of a prepared set are not compressed",
                                 f"gunzip it, or {self._mend}")
            return None
        problems = len(self._report.problems)
        found = scan_records(path, compression, self._visit, self._report, self._mend, expected)
        return found if problems == len(self._report.problems) else None  # a cut file need not be reported twice

    def _visit(self, index, serialized):
        position = self._position + index
        if position >= self._limit:
            return
        where = f"{self._split}/{position}"
        try:
            example = self._decode(serialized)
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            self._content.examined += 1
            reason = _TENSORFLOW_NOISE.sub("", str(getattr(error, "message", error))).strip()
            self._content.findings.add(where, f"an example cannot be decoded ({reason})", self._mend)
            return
        self._check_bookkeeping(where, example)
        self._check_background(where, example)
        mask = example["mask"][..., 0] if "mask" in example else None
        visibility = example["visibility"].astype(bool) if "visibility" in example else None
        self._content.add(where, example["image"], mask, visibility)

    def _decode(self, serialized):
        """The example as NumPy arrays; pictures are decoded here, because their errors are clearer."""
        example = tf.io.parse_single_example(serialized, self._stored)
        example = nested_parts({name: value.numpy() for name, value in example.items()})
        for name, shape in self._shapes.items():
            frames = [_decode_picture(name, frame, shape[-3:]) for frame in np.atleast_1d(example[name])]
            if len(shape) == 4 and len(frames) != shape[0]:
                raise ValueError(f"{name} holds {len(frames)} frames, expected {shape[0]}")
            example[name] = np.stack(frames) if len(shape) == 4 else frames[0]
        return example

    def _check_bookkeeping(self, where, example):
        add = self._content.findings.add
        if "visibility" in example and int(example["num_objects"]) != int(example["visibility"][1:].sum()):
            add(where, "num_objects differs from the number of visible objects", self._mend)
        if example["id"].decode() != where:
            add(where, "the id is not <split>/<index>: the order of the examples was changed", self._mend)
        for name, values in example.get("objects", {}).items():
            if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
                add(where, f"factor {name!r} holds NaN or infinity", self._mend)

    def _check_background(self, where, example):
        """The kinds of background are given exactly where the mask shows background."""
        if "background" in example and ((example["background"] == IGNORE_ID) != (example["mask"] > 0)).any():
            self._content.findings.add(where, f"the map of background parts is {IGNORE_ID} not exactly on the objects",
                                       self._mend)


def _decode_picture(name, encoded, shape):
    try:
        pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    except (OSError, SyntaxError):  # Pillow raises either on damaged files
        raise ValueError(f"{name} is no readable picture") from None
    if pixels.dtype != np.uint8 or pixels.size != np.prod(shape):
        raise ValueError(f"{name} is {pixels.dtype} {list(pixels.shape)}, expected uint8 {list(shape)}")
    return pixels.reshape(shape)
