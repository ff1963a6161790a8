"""The C++ loader on a hand-made SavedModel."""

import os
import tempfile
import unittest

import numpy as np
import tensorflow as tf

from tfobj.serving import cpp_loader


def _save(directory):
    """A module with a float signature `affine` and a string signature `twice`."""
    module = tf.Module()
    module.weight = tf.Variable([[2.0, 3.0]])
    module.affine = tf.function(lambda x: {"y": x @ module.weight, "rows": tf.range(tf.shape(x)[0])},
                                input_signature=[tf.TensorSpec((None, 1), tf.float32, "x")])
    module.twice = tf.function(lambda text: {"text": tf.strings.join([text, text]), "length": tf.strings.length(text)},
                               input_signature=[tf.TensorSpec((None,), tf.string, "text")])
    tf.saved_model.save(module, directory, signatures={"affine": module.affine, "twice": module.twice})


class CppLoaderTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = os.path.join(temporary.name, "model")
        _save(cls.directory)

    def test_fresh_process_answers_numbers_and_strings(self):
        texts = np.array([b"", b"a\0b", b"x" * 100], object)
        numbers, strings = cpp_loader.run_in_subprocess(self.directory, [
            ("affine", {"x": np.array([[1.0], [4.0]], np.float32)}), ("twice", {"text": texts})])
        np.testing.assert_array_equal(numbers["y"], np.array([[2, 3], [8, 12]], np.float32))
        np.testing.assert_array_equal(numbers["rows"], np.array([0, 1], np.int32))
        self.assertEqual(list(strings["text"]), [2 * text for text in texts])
        self.assertEqual(list(strings["length"]), [0, 3, 100])

    def test_failed_calls_are_messages_and_later_calls_work(self):
        answers = cpp_loader.run_in_subprocess(self.directory, [
            ("affine", {"x": np.zeros((2, 3), np.float32)}), ("missing", {}), ("affine", {"z": np.zeros(1)}),
            ("affine", {"x": np.ones((1, 1), np.float32)})])
        self.assertIn("Matrix size-incompatible", answers[0])
        self.assertEqual(answers[1:3], ["KeyError: 'missing'", "KeyError: 'z'"])
        np.testing.assert_array_equal(answers[3]["y"], [[2.0, 3.0]])

    def test_same_process_reads_the_signatures(self):
        model = cpp_loader.CppSavedModel(self.directory)
        self.addCleanup(model.close)
        self.assertEqual({name: (sorted(tensors["inputs"]), sorted(tensors["outputs"]))
                          for name, tensors in model.signatures.items()},
                         {"affine": (["x"], ["rows", "y"]), "twice": (["text"], ["length", "text"])})
        for batch_size in (1, 5):
            x = np.arange(batch_size, dtype=np.float32)[:, None]
            np.testing.assert_array_equal(model.run("affine", {"x": x})["y"], x * [[2.0, 3.0]])

    def test_no_saved_model_is_an_error_of_one_line(self):
        with self.assertRaisesRegex(RuntimeError, "status 1: .*Could not find SavedModel"):
            cpp_loader.run_in_subprocess(os.path.dirname(self.directory), [])


if __name__ == "__main__":
    unittest.main()
