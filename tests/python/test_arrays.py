"""What a session takes as an array, without a copy or with one, and what it refuses."""
import unittest
from unittest import mock

import numpy as np
import support
import tessera


class OnlyDlpack:
    """A tensor of some other framework: it offers DLPack and nothing else."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **words):
        return self._array.__dlpack__(**words)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


class Arrays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = tessera.load(support.IMAGE)
        cls.session = cls.model.compile(threads=1)
        cls.text = tessera.load(support.TEXT).compile(threads=1, seq=8)
        (cls.name, cls.image), = cls.model.random_inputs(batch=2).items()
        cls.expected = cls.run_image(cls.image)

    @classmethod
    def run_image(cls, image):
        output, = cls.session.run({cls.name: image}).values()
        return output

    def same(self, image):
        np.testing.assert_array_equal(self.run_image(image), self.expected)

    def refused(self, image, *says):
        with self.assertRaises(tessera.Error) as caught:
            self.run_image(image)
        self.assertEqual(caught.exception.kind, "invalid")
        for part in says:
            self.assertIn(part, str(caught.exception))

    def test_a_dense_array_of_the_right_type_is_read_where_it_lies(self):
        read_only = self.image.copy()
        read_only.flags.writeable = False
        with mock.patch("tessera._session.convert", side_effect=AssertionError("converted")):
            self.same(self.image)
            self.same(read_only)
            self.same(OnlyDlpack(self.image))
            self.same(np.concatenate([self.image, self.image])[2:])

    def test_other_layouts_and_types_are_converted_where_nothing_is_lost(self):
        self.same(np.asfortranarray(self.image))
        self.same(np.repeat(self.image, 2, axis=3)[..., ::2])
        self.same(self.image.astype(np.float64))
        self.same(self.image.astype(">f4"))
        self.same(OnlyDlpack(np.asfortranarray(self.image)))
        self.same(self.image.tolist())
        unaligned = np.frombuffer(b"x" + self.image.tobytes(), np.float32, offset=1).reshape(self.image.shape)
        self.assertFalse(unaligned.flags.aligned)
        self.same(unaligned)
        half = self.image.astype(np.float16)
        np.testing.assert_array_equal(self.run_image(half), self.run_image(half.astype(np.float32)))

    def test_ids_of_int32_are_ids(self):
        ids = np.array([[2, 7, 9, 3]])
        names = [info.name for info in self.text.inputs]
        wide = self.text.run({name: ids if name == "input_ids" else np.ones_like(ids) for name in names})
        narrow = self.text.run({name: ids.astype(np.int32) if name == "input_ids" else np.ones_like(ids, np.int8)
                                for name in names})
        for name, output in wide.items():
            np.testing.assert_array_equal(output, narrow[name])

    def test_what_would_lose_something_is_refused(self):
        with self.assertRaisesRegex(tessera.Error, "input_ids: float32 .* is not int64"):
            self.text.run({info.name: np.ones((1, 8), np.float32) for info in self.text.inputs})
        self.refused(self.image.astype(np.int64), self.name, "is not float32", ".astype('float32')")
        self.refused(self.image.astype(np.complex64), "complex64")
        self.refused("a picture", "not numbers")
        self.refused([[1.0], [1.0, 2.0]], "cannot be read as an array")
        self.refused(None, self.name)

    def test_wrong_shapes_and_names_are_refused(self):
        self.refused(self.image[0], self.name)
        self.refused(self.image[:, :1], self.name)
        self.refused(self.image[:0], self.name)
        with self.assertRaisesRegex(tessera.Error, "no data given"):
            self.session.run({})
        with self.assertRaisesRegex(tessera.Error, "pixels"):
            self.session.run({self.name: self.image, "pixels": self.image})
        with self.assertRaisesRegex(tessera.Error, "not a str"):
            self.session.run({1: self.image})

    def test_results_are_arrays_of_their_own(self):
        first = self.run_image(self.image)
        second = self.run_image(-self.image)
        np.testing.assert_array_equal(first, self.expected)
        self.assertFalse(np.array_equal(first, second))
        self.assertTrue(first.flags.writeable and first.flags.c_contiguous)
        first[:] = 0
        self.same(self.image)


if __name__ == "__main__":
    unittest.main()
