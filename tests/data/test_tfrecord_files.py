"""TFRecord files: checksums, compression, and what cannot be read."""

import gzip
import tempfile
import unittest
import zlib

from tests.data import record_files
from tfobj.data import tfrecord_files
from tfobj.errors import UserError


class TFRecordFilesTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = f"{directory.name}/a.tfrecords"

    def detect(self, content):
        return tfrecord_files.detect_compression(record_files.write_bytes(self.path, content))

    def test_checksum_is_the_masked_crc32c(self):
        crc = 0xE3069283  # published check value of CRC-32C for "123456789"
        expected = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
        self.assertEqual(tfrecord_files.masked_crc(b"123456789"), expected)

    def test_content_decides_the_compression(self):
        plain = record_files.real_bytes()
        self.assertEqual(self.detect(plain), "")
        self.assertEqual(self.detect(gzip.compress(plain)), "GZIP")
        self.assertEqual(self.detect(zlib.compress(plain)), "ZLIB")

    def test_a_record_whose_length_looks_like_a_gzip_header_is_plain(self):
        path = record_files.write(self.path, [b"x" * 0x8B1F], "")
        with open(path, "rb") as file:
            self.assertEqual(file.read(2), b"\x1f\x8b")
        self.assertEqual(tfrecord_files.detect_compression(path), "")

    def test_zlib_is_refused_with_the_command_that_mends_it(self):
        record_files.write_bytes(self.path, zlib.compress(record_files.real_bytes()))
        with self.assertRaisesRegex(UserError, "compressed with ZLIB, expected GZIP or none; decompress it with"):
            tfrecord_files.sniff_compression(self.path)

    def test_what_is_no_tfrecord_is_named(self):
        for content, message in ((b"", "is empty"), (b"\x89PNG\r\n\x1a\n" + bytes(99), "is no TFRecord"),
                                 (b"abc", "is no TFRecord"),
                                 (gzip.compress(b"text " * 50), "a GZIP file, but what it")):
            with self.subTest(message=message, content=content[:9]), self.assertRaisesRegex(UserError, message):
                self.detect(content)

    def test_missing_file_and_directory_are_named(self):
        with self.assertRaisesRegex(UserError, "does not exist"):
            tfrecord_files.detect_compression(self.path)
        with self.assertRaisesRegex(UserError, "is a directory"):
            tfrecord_files.detect_compression(tempfile.gettempdir())


if __name__ == "__main__":
    unittest.main()
