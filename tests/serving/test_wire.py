"""Wire format against protobuf's own encoder."""

import unittest

from google.protobuf import struct_pb2
from tensorflow.core.framework import tensor_shape_pb2

from tfobj.serving import wire


class WireTest(unittest.TestCase):

    def test_written_fields_parse_with_protobuf(self):
        for size in (1, 127, 128, 300, 2**40):
            content = wire.field(2, wire.field(1, size) + wire.field(2, "height"))
            expected = tensor_shape_pb2.TensorShapeProto()
            expected.dim.add(size=size, name="height")
            self.assertEqual(content, expected.SerializeToString())

    def test_maps_are_written_sorted_and_read_back(self):
        message = struct_pb2.Struct()
        message["b"], message["a"] = 1.5, "x"
        content = message.SerializeToString(deterministic=True)
        entries = wire.read_map(content, 1)
        self.assertEqual(sorted(entries), ["a", "b"])
        self.assertEqual(wire.map_field(1, {name: bytes(entries[name]) for name in ("b", "a")}), content)

    def test_fixed_width_fields_are_read(self):
        number = struct_pb2.Value(number_value=2.5).SerializeToString()  # a double, wire type 1
        self.assertEqual([(found, len(value)) for found, value in wire.read_fields(number)], [(2, 8)])

    def test_cut_off_messages_are_refused(self):
        content = wire.field(3, b"0123456789")
        for end in range(1, len(content)):
            with self.assertRaisesRegex(ValueError, "cut off"):
                list(wire.read_fields(content[:end]))
        with self.assertRaisesRegex(ValueError, "wire type 3"):
            list(wire.read_fields(b"\x0b"))


if __name__ == "__main__":
    unittest.main()
