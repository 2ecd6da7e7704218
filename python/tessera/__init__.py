"""Tessera: neural network inference on x86 CPUs, in FP32, BF16 and INT8 on the instruction set that you choose.

    import tessera

    model = tessera.load("resnet50")                       # or a .onnx file, or a Hugging Face folder
    session = model.compile(precision="int8", isa="avx512_core_vnni", threads=2)
    outputs = session.run({"input": images})               # float32 [batch, 3, 224, 224] -> {"logits": [batch, 1000]}

Everything raises tessera.Error, whose parts say what was wrong, why, and what to do.
"""
from tessera import onnxruntime
from tessera._comparison import Report, compare, doctor
from tessera._dataset import Dataset
from tessera._encoder import Encoder
from tessera._error import Error
from tessera._info import TensorInfo
from tessera._model import Model, Quantized, load
from tessera._session import Session
from tessera._tessera import version as __version__

__all__ = ["Dataset", "Encoder", "Error", "Model", "Quantized", "Report", "Session", "TensorInfo", "__version__", "compare",
           "doctor", "load", "onnxruntime"]
