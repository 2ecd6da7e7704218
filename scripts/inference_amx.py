#!/usr/bin/env python3
"""ResNet-50 and BERT-base in FP32, and in BF16 and INT8 on AMX: time, speed-up and agreement with FP32."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from inference import main  # noqa: E402

sys.exit(main(__doc__, ["fp32", "bf16@avx512_core_amx", "int8@avx512_core_amx"]))
