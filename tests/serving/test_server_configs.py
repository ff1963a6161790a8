"""The server's configuration files against the official protocol buffers."""

import pathlib
import re
import unittest

from google.protobuf import text_format

from tests.serving import exported

try:
    from tensorflow_serving.config import model_server_config_pb2
except ImportError:
    model_server_config_pb2 = None


@unittest.skipUnless(model_server_config_pb2, "tensorflow-serving-api is not installed")
class ModelsConfigTest(unittest.TestCase):

    def setUp(self):
        self.text = pathlib.Path(exported.CLIENTS, "models.config").read_text()

    def _model(self, text):
        return text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config[0]

    def test_one_model_is_served_from_its_base_path(self):
        model = self._model(self.text)
        self.assertEqual((model.name, model.base_path, model.model_platform),
                         ("slot_attention", "/models/slot_attention", "tensorflow"))

    def test_canary_lines_parse_once_uncommented(self):
        model = self._model(re.sub(r"#   (model_version_policy|version_labels)", r"\1", self.text))
        self.assertEqual(list(model.model_version_policy.specific.versions), [1, 2])
        self.assertEqual(dict(model.version_labels), {"stable": 1, "canary": 2})


if __name__ == "__main__":
    unittest.main()
