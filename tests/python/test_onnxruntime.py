"""Scripts written for onnxruntime."""
import unittest

import numpy as np
import support
import tessera
import tessera.onnxruntime as ort


class InferenceSession(unittest.TestCase):
    def test_a_script(self):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = ort.InferenceSession(str(support.TEXT), options, providers=["CPUExecutionProvider"])
        self.assertEqual([arg.type for arg in session.get_inputs()], ["tensor(int64)"] * len(session.get_inputs()))
        output = session.get_outputs()[0]
        self.assertEqual((output.type, output.shape[-1]), ("tensor(float)", 4))
        ids = np.loadtxt(support.DATA / "text" / "test_ids.txt", dtype=np.int64, max_rows=1, ndmin=2)
        feeds = {arg.name: ids if arg.name == "input_ids" else np.zeros_like(ids) if arg.name == "token_type_ids"
                 else np.ones_like(ids) for arg in session.get_inputs()}
        logits, = session.run([output.name], feeds)
        expected = np.load(support.DATA / "text" / "test_logits.npy")[:1]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(session.run(None, feeds)[0], logits)
        with self.assertRaisesRegex(tessera.Error, "no such output"):
            session.run(["nothing"], feeds)

    def test_a_model_in_memory_is_refused(self):
        with self.assertRaisesRegex(tessera.Error, "file"):
            ort.InferenceSession(support.IMAGE.read_bytes())

    def test_precision_and_instruction_set(self):
        session = ort.InferenceSession(support.IMAGE, precision="bf16", isa="avx2")
        feeds = tessera.load(support.IMAGE).random_inputs()
        by_name = tessera.load(support.IMAGE).compile("bf16", "avx2").run(feeds)
        for array, expected in zip(session.run(None, feeds), by_name.values()):
            np.testing.assert_array_equal(array, expected)
        self.assertEqual(session.get_providers(), ort.get_available_providers())


if __name__ == "__main__":
    unittest.main()
