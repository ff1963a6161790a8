"""Unpacking the archives of releases: damage of every kind, names that lead elsewhere, doubled members."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import shutil
import tarfile
import tempfile
import unittest

import numpy as np

from tests.data import small_releases
from tfobj.data.builders import release_files
from tfobj.errors import UserError

PACK = {"": bytes, "gz": lambda data: gzip.compress(data, mtime=0), "bz2": bz2.compress, "xz": lzma.compress}
NUMBER, SIZE = 40, 3000
MEMBER = 512 + 3072  # header and padded content
DAMAGED = r"x\.tar: damaged or cut off after [0-9,]+ files \(.+\); fetch it again$"


def member_name(index):
    return f"folder/{index:02d}.bin"


def content(index):
    """Random bytes: what does not compress, so that a flipped bit need not disturb the decompression."""
    return np.random.default_rng(index).bytes(SIZE)


def flipped(data, position, bit=3):
    return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1:]


class UnpackTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.path = os.path.join(self.directory, "x.tar")
        self.target = os.path.join(self.directory, "unpacked", "release")
        small_releases.write_tar(self.path, {member_name(k): content(k) for k in range(NUMBER)}, "")
        with open(self.path, "rb") as file:
            self.tar = file.read()

    def unpack(self, data=None, place=str, archives=()):
        """Unpacks `data`, or `archives`; returns the directory."""
        if data is not None:
            with open(self.path, "wb") as file:
                file.write(data)
        with contextlib.redirect_stderr(io.StringIO()) as self.remarks:
            return release_files.unpack(archives or [self.path], self.target, place)

    def check_refused(self, data, message=DAMAGED):
        with self.assertRaisesRegex(UserError, message) as caught:
            self.unpack(data)
        self.assertNotIn("\n", str(caught.exception))
        parent = os.path.dirname(self.target)
        self.assertEqual(os.listdir(parent) if os.path.isdir(parent) else [], [])

    def test_every_compression(self):
        for compression, pack in PACK.items():
            with self.subTest(compression=compression):
                root = self.unpack(pack(self.tar))
                for index in range(NUMBER):
                    with open(os.path.join(root, member_name(index)), "rb") as file:
                        self.assertEqual(file.read(), content(index))
                self.assertEqual(len(os.listdir(os.path.join(root, "folder"))), NUMBER)
                self.assertIn("100 % read", self.remarks.getvalue())
                self.assertEqual(self.unpack(), root)
                self.assertEqual(self.remarks.getvalue(), "")  # used again
                shutil.rmtree(root)

    def test_flipped_bit_in_a_header(self):
        for compression, pack in PACK.items():
            for index in (0, 20, NUMBER - 1):
                for field in (0, 100, 130, 150):  # name, mode, size, checksum
                    with self.subTest(compression=compression, index=index, field=field):
                        self.check_refused(pack(flipped(self.tar, MEMBER * index + field, 1)))

    def test_flipped_bit_in_the_compressed_stream(self):
        for compression in ("gz", "bz2", "xz"):
            packed = PACK[compression](self.tar)
            for position in np.linspace(30, len(packed) - 9, 12).astype(int):
                with self.subTest(compression=compression, position=position):
                    self.check_refused(flipped(packed, position))

    def test_flipped_bit_that_only_the_checksum_sees(self):
        stored = gzip.compress(self.tar, compresslevel=0, mtime=0)
        position = stored.index(content(30)) + 7
        self.check_refused(flipped(stored, position), "after 3[0-9] files .*CRC check failed")

    def test_cut_files(self):
        for compression, pack in PACK.items():
            packed = pack(self.tar)
            for length in (len(packed) // 2, len(packed) * 9 // 10) + ((len(packed) - 1,) if compression else ()):
                with self.subTest(compression=compression, length=length):
                    self.check_refused(packed[:length])

    def test_plain_archive_cut_between_members_and_in_the_mark_of_its_end(self):
        end = MEMBER * NUMBER
        for length in (MEMBER * 20, MEMBER * 20 + 100, MEMBER * 20 + 512, end, end + 511, end + 512, end + 1023):
            with self.subTest(length=length):
                self.check_refused(self.tar[:length])
        self.assertEqual(len(os.listdir(os.path.join(self.unpack(self.tar[:end + 1024]), "folder"))), NUMBER)

    def test_zeros_in_the_place_of_members(self):
        hole = self.tar[:MEMBER * 20] + bytes(MEMBER * 3) + self.tar[MEMBER * 23:]
        for compression, pack in PACK.items():
            with self.subTest(compression=compression):
                self.check_refused(pack(hole), "after 20 files .there are data after the mark of its end")

    def test_what_is_no_archive(self):
        for data in (b"", b"<html>not found</html>" * 100, gzip.compress(b"text" * 1000)):
            with self.subTest(data=data[:10]):
                self.check_refused(data)
        self.check_refused(bytes(10_240), "holds none of the files that are needed")

    def test_the_second_of_two_archives_is_damaged(self):
        first = small_releases.write_tar(os.path.join(self.directory, "first.tar"), {"a": b"text"}, "")
        with open(self.path, "wb") as file:
            file.write(self.tar[:MEMBER * 30])
        with self.assertRaisesRegex(UserError, DAMAGED):
            self.unpack(archives=[first, self.path])
        self.assertEqual(os.listdir(os.path.dirname(self.target)), [])

    def test_names_outside_the_directory(self):
        for name in ("../a.bin", "folder/../../a.bin", "folder/..", "/folder/a.bin"):
            small_releases.write_tar(self.path, {"good": b"1", name: b"text"}, "")
            with self.subTest(name=name):
                self.check_refused(None, "x.tar: its member '.+' would lie outside the directory")
        self.assertEqual(sorted(os.listdir(self.directory)), ["unpacked", "x.tar"])
        small_releases.write_tar(self.path, {"good": b"1"}, "")
        with self.assertRaisesRegex(UserError, "its member 'good' would lie outside"):
            self.unpack(place=lambda name: f"../{name}")

    def test_members_with_one_place(self):
        others = [small_releases.write_tar(os.path.join(self.directory, f"{name}.tar"), {f"{name}/e1": b"text"}, "")
                  for name in ("first", "second")]
        message = "second.tar: its member 'second/e1' would overwrite e1 of an earlier member or archive"
        with self.assertRaisesRegex(UserError, message):
            self.unpack(place=os.path.basename, archives=others)
        self.assertEqual(os.listdir(os.path.dirname(self.target)), [])

    def test_links_are_left_out(self):
        with tarfile.open(self.path, "a") as archive:
            link = tarfile.TarInfo("folder/link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        self.assertEqual(len(os.listdir(os.path.join(self.unpack(), "folder"))), NUMBER)


if __name__ == "__main__":
    unittest.main()
