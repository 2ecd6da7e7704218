#!/usr/bin/env python3
"""The trained models of ../image and ../text as ONNX Runtime's quantizer leaves them: test data for reading such files.

    make.py CALIBRATION_IMAGES OUTPUT     a folder of images in subfolders, and where to put the .onnx files

Needs numpy, Pillow, onnx and onnxruntime (the files here: onnx 1.20, onnxruntime 1.23). Weights have 7 bits
(reduce_range) where the result is compared with ONNX Runtime, whose kernels saturate with 8 on CPUs without VNNI.
"""
import glob
import os
import sys

import numpy as np
import onnx
import onnx.checker  # before onnxruntime, or both register the ONNX schemas in some builds
import onnx.reference  # noqa: F401
import onnx.shape_inference  # noqa: F401
from onnxruntime.quantization import (CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType,
                                      quantize_dynamic, quantize_static)
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def pixels(path):
    image = np.asarray(Image.open(path).convert("RGB"), np.float32) / np.float32(255)
    return ((image - MEAN) / STD).transpose(2, 0, 1)[None]


class Reader(CalibrationDataReader):
    def __init__(self, images):
        self.items = iter([{"input": image} for image in images])

    def get_next(self):
        return next(self.items, None)


def main(calibration, output):
    images = [pixels(path) for path in sorted(glob.glob(os.path.join(calibration, "*", "*.png")))]
    prepared = {}
    for name in ("image", "text"):
        # One file with its weights inside: the quantizer copies models around without their external data.
        flat = os.path.join(output, name + "_flat.onnx")
        onnx.save(onnx.load(os.path.join(HERE, "..", name, "model.onnx")), flat)
        prepared[name] = os.path.join(output, name + "_prepared.onnx")
        quant_pre_process(flat, prepared[name], skip_symbolic_shape=True)
        os.remove(flat)

    def static(name, form, activations):
        quantize_static(prepared["image"], os.path.join(output, name), Reader(images), quant_format=form,
                        activation_type=activations, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
                        calibrate_method=CalibrationMethod.MinMax)

    static("image_qoperator.onnx", QuantFormat.QOperator, QuantType.QUInt8)
    static("image_qdq_s8.onnx", QuantFormat.QDQ, QuantType.QInt8)
    quantize_dynamic(prepared["text"], os.path.join(output, "text_dynamic.onnx"))
    # ONNX Runtime convolves by u8 weights only; they have zero points.
    quantize_dynamic(prepared["image"], os.path.join(output, "image_dynamic.onnx"), weight_type=QuantType.QUInt8)
    for path in prepared.values():
        os.remove(path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
