"""The wire format of examples: what TensorFlow's parser and protocol buffers read, and everything that is malformed."""

import struct
import subprocess
import sys
import unittest

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from tests import helpers
from tests.data import record_files
from tfobj.data import records
from tfobj.data.wire_format import MalformedExample
from tfobj.data.wire_format import WireExample

BYTES, FLOATS, INTS = 1, 2, 3  # numbers of the lists in a Feature


def varint(number):
    """The encoding of a number."""
    more, low = divmod(number, 128)
    return bytes([low | 128]) + varint(more) if more else bytes([low])


def field(number, content):
    """A field with a length."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def feature(kind, values):
    """A `Feature` with one list whose content is `values`, bytes."""
    return field(kind, values)


def entry(name, value):
    """An entry of the feature map."""
    return field(1, field(1, name) + field(2, value))


def example(*entries):
    """An `Example` of map entries."""
    return field(1, b"".join(entries))


def strings(*values):
    """The content of a `BytesList`."""
    return b"".join(field(1, value) for value in values)


def packed(*values):
    """The content of a `FloatList`, one block."""
    return field(1, struct.pack(f"<{len(values)}f", *values))


def unpacked(*values):
    """The content of a `FloatList`, one field per value."""
    return b"".join(b"\x0d" + struct.pack("<f", value) for value in values)


UNKNOWN = field(9, b"abc") + b"\x50\x96\x01" + b"\x5d1234" + b"\x6112345678"  # bytes, varint, 32 and 64 bits
SMALL = example(entry(b"pixels", feature(BYTES, strings(b"a", b"\x00", b"\xff"))),
                entry(b"numbers", feature(FLOATS, packed(1.5, -2.0))),
                entry(b"codes", feature(INTS, field(1, b"\x05"))))


def tensorflow_parse(serialized, family):
    """The features of a record as TensorFlow reads them, NumPy arrays of the stored shapes."""
    dtypes, shapes = {"float": tf.float32, "byte": tf.string}, family.feature_shapes()
    spec = {name: tf.io.FixedLenFeature(shape, dtypes[kind]) for name, (shape, kind) in shapes.items()}
    parsed = tf.io.parse_single_example(serialized, spec)
    return {name: (tf.io.decode_raw(value, tf.uint8)[..., 0] if value.dtype == tf.string else value).numpy()
            for name, value in parsed.items()}


class EqualityTest(unittest.TestCase):
    """The released formats."""

    def check(self, serialized, family):
        parsed, expected = records.parse_record(serialized, family), tensorflow_parse(serialized, family)
        planes = expected["mask"][..., 0]
        expected["mask"] = planes if family.entity_axis == 0 else planes.transpose(2, 0, 1)
        self.assertEqual(set(parsed), set(expected))
        for name, value in expected.items():
            self.assertEqual(parsed[name].dtype, value.dtype)
            np.testing.assert_array_equal(parsed[name], value)
        return parsed

    def test_real_records(self):
        for serialized in record_files.real_records():
            self.check(serialized, records.FAMILIES["tetrominoes"])

    def test_records_of_every_family(self):
        for seed, (name, family) in enumerate(records.FAMILIES.items()):
            with self.subTest(name=name):
                serialized, content = record_files.random_record(family, seed)
                parsed = self.check(serialized, family)
                np.testing.assert_array_equal(parsed["image"], content["image"])
                for factor in family.factors:
                    np.testing.assert_array_equal(parsed[factor], content[factor])

    def test_workers_need_no_tensorflow(self):
        code = "import sys, tfobj.data.records; print('tensorflow' in sys.modules)"
        output = subprocess.check_output([sys.executable, "-c", code], cwd=helpers.ROOT, text=True)
        self.assertEqual(output.strip(), "False")


class WireExampleTest(unittest.TestCase):

    def pixels(self, *entries):
        return WireExample(example(*entries)).one_byte_strings("pixels").tobytes()

    def numbers(self, content):
        return WireExample(example(entry(b"numbers", feature(FLOATS, content)))).floats("numbers").tolist()

    def test_whole_numbers_and_strings_as_tensorflow_reads_them(self):
        numbers, words = [0, 1, -1, 127, 128, 300, 2**63 - 1, -2**63], [b"", b"a", b"\x0a\x01b" * 100]
        message = tf.train.Example()
        message.features.feature["numbers"].int64_list.value.extend(numbers)
        message.features.feature["words"].bytes_list.value.extend(words)
        message.features.feature["none"].int64_list.value.extend([])
        wire = WireExample(message.SerializeToString())
        self.assertEqual((wire.integers("numbers").tolist(), wire.integers("numbers").dtype), (numbers, np.int64))
        self.assertEqual(wire.strings("words"), words)
        self.assertEqual(wire.integers("none").tolist(), [])
        with self.assertRaisesRegex(MalformedExample, "'words' holds byte values, expected int values"):
            wire.integers("words")

    def test_whole_numbers_in_pieces(self):
        content = field(1, b"\x05\xac\x02") + b"\x08\x07" + UNKNOWN + b"\x08\x96\x01"
        wire = WireExample(example(entry(b"numbers", feature(INTS, content))))
        self.assertEqual(wire.integers("numbers").tolist(), [5, 300, 7, 150])

    def test_kinds_and_values(self):
        wire = WireExample(SMALL)
        self.assertEqual(wire.names, ("pixels", "numbers", "codes"))
        self.assertEqual([wire.kind(name) for name in wire.names], ["byte", "float", "int"])
        self.assertEqual(wire.one_byte_strings("pixels").tolist(), [97, 0, 255])
        self.assertEqual(wire.floats("numbers").tolist(), [1.5, -2.0])

    def test_floats_packed_unpacked_and_mixed(self):
        self.assertEqual(self.numbers(packed(1, 2, 3)), [1, 2, 3])
        self.assertEqual(self.numbers(unpacked(1, 2, 3)), [1, 2, 3])
        self.assertEqual(self.numbers(unpacked(1) + packed(2, 3) + UNKNOWN + unpacked(4)), [1, 2, 3, 4])
        self.assertEqual(self.numbers(b""), [])

    def test_many_values_need_a_length_of_several_bytes(self):
        values = bytes(range(256)) * 100
        self.assertEqual(self.pixels(entry(b"pixels", feature(BYTES, strings(*[bytes([v]) for v in values])))), values)

    def test_map_entries_in_any_order(self):
        value = feature(BYTES, strings(b"x"))
        swapped = field(1, field(2, value) + field(1, b"pixels"))
        self.assertEqual(self.pixels(entry(b"a", b""), swapped), b"x")
        self.assertEqual(WireExample(example(field(1, field(2, value)))).one_byte_strings("").tobytes(), b"x")

    def test_the_last_entry_of_a_name_counts(self):
        entries = [entry(b"pixels", feature(BYTES, strings(value))) for value in (b"x", b"y")]
        self.assertEqual(self.pixels(*entries), b"y")
        parts = WireExample(example(entries[1]) + example(entries[0]))  # a message in two parts
        self.assertEqual(parts.one_byte_strings("pixels").tobytes(), b"x")

    def test_unknown_fields_are_skipped(self):
        value = UNKNOWN + feature(BYTES, strings(b"x")) + UNKNOWN
        serialized = UNKNOWN + field(1, UNKNOWN + entry(b"pixels", value) + UNKNOWN) + UNKNOWN
        self.assertEqual(tf.train.Example.FromString(serialized).features.feature["pixels"].bytes_list.value[0], b"x")
        self.assertEqual(WireExample(serialized).one_byte_strings("pixels").tobytes(), b"x")

    def test_empty_lists_features_and_messages(self):
        self.assertEqual(self.pixels(entry(b"pixels", feature(BYTES, b""))), b"")
        self.assertEqual(self.pixels(entry(b"pixels", b"")), b"")
        self.assertEqual(WireExample(example(entry(b"pixels", b""))).kind("pixels"), "nothing")
        self.assertEqual(WireExample(b"").names, ())


class MalformedTest(unittest.TestCase):

    def fails(self, serialized, pattern, read=lambda wire: wire.one_byte_strings("pixels")):
        with self.assertRaisesRegex(MalformedExample, pattern):
            read(WireExample(serialized))

    def test_strings_of_other_lengths_are_named(self):
        for values, position in (((b"a", b"bc"), 1), ((b"", b"a"), 0), ((b"a", b"b", b""), 2), ((bytes(200),), 0),
                                 ((b"a", b"b", b"cd", b"\n\x01"), 2)):
            self.fails(example(entry(b"pixels", feature(BYTES, strings(*values)))),
                       f"value {position} of feature 'pixels' is no string of one byte")
        self.fails(example(entry(b"pixels", feature(BYTES, strings(b"a") + b"\x10\x01"))), "value 1 of feature 'pix")

    def test_wrong_kinds_are_named(self):
        self.fails(SMALL, "feature 'mask' is missing", lambda wire: wire.one_byte_strings("mask"))
        self.fails(SMALL, "feature 'numbers' holds float values, expected byte",
                   lambda wire: wire.one_byte_strings("numbers"))
        self.fails(SMALL, "feature 'pixels' holds byte values, expected float", lambda wire: wire.floats("pixels"))
        self.fails(SMALL, "feature 'codes' holds int values, expected float", lambda wire: wire.floats("codes"))
        two = feature(BYTES, strings(b"a")) + feature(FLOATS, packed(1))
        self.fails(example(entry(b"pixels", two)), "feature 'pixels' holds 2 lists, expected one")

    def test_blocks_of_floats_must_be_whole(self):
        self.fails(example(entry(b"numbers", feature(FLOATS, field(1, b"12345")))),
                   "feature 'numbers' holds 5 bytes of floats, no multiple of 4", lambda wire: wire.floats("numbers"))

    def test_impossible_numbers_and_fields(self):
        self.fails(b"\x80", "number at byte 0 has no end")
        self.fails(b"\x0a" + b"\xff" * 10 + b"\x01", "number at byte 1 has no end")
        self.fails(b"\x0a\x7f", "field at byte 2 is 127 bytes long, 0 are left")
        self.fails(b"\x00\x01", "byte 0 starts no field")  # field number 0
        self.fails(b"\x0b\x0c", "byte 0 starts no field")  # a group
        self.fails(b"\x0dabc", "field at byte 1 is 4 bytes long, 3 are left")
        self.fails(example(entry(b"\xff", b"")), "name b'.xff' is no text")
        self.fails(example(field(1, field(1, b"a") + UNKNOWN)), "feature at byte 4 has an unknown field, 9")

    def test_every_cut_is_noticed(self):
        for length in range(1, len(SMALL)):
            with self.assertRaises(DecodeError):
                tf.train.Example.FromString(SMALL[:length])
            self.fails(SMALL[:length], "")

    def test_no_changed_byte_leads_astray(self):
        """A message with one byte changed is malformed, or it is read as protocol buffers read it."""
        read = 0
        for position in range(len(SMALL)):
            for value in {0, 1, 8, 10, 13, 26, 127, 128, 255, SMALL[position] ^ 1, SMALL[position] ^ 128}:
                changed = SMALL[:position] + bytes([value]) + SMALL[position + 1:]
                try:
                    expected = tf.train.Example.FromString(changed).features.feature
                except DecodeError:
                    self.fails(changed, "", lambda wire: [wire.floats(name) for name in wire.names])
                    continue
                read += self.compare(changed, expected)
        self.assertGreater(read, 200)

    def compare(self, serialized, expected):
        try:
            wire = WireExample(serialized)
            self.assertEqual(set(wire.names), set(expected))
            for name, feature_ in expected.items():
                if feature_.WhichOneof("kind") == "bytes_list":
                    self.assertEqual(wire.one_byte_strings(name).tobytes(), b"".join(feature_.bytes_list.value))
                if feature_.WhichOneof("kind") == "float_list":
                    found = np.array(feature_.float_list.value, np.float32)
                    self.assertEqual(wire.floats(name).tobytes(), found.tobytes())
        except MalformedExample:
            return 0
        return 1


if __name__ == "__main__":
    unittest.main()
