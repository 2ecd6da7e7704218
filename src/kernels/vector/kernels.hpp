// All vector kernels for the tier of the including translation unit.
#pragma once

#include "kernels/convert/convert.hpp"
#include "kernels/convert/to_nchw.hpp"
#include "kernels/convert/to_nhwc.hpp"
#include "kernels/convert/widen.hpp"
#include "kernels/elementwise/elementwise.hpp"
#include "kernels/layer_norm/layer_norm.hpp"
#include "kernels/pack/pack.hpp"
#include "kernels/pool/pool.hpp"
#include "kernels/quantize/quantize_rows.hpp"
#include "kernels/softmax/softmax.hpp"
#include "kernels/vector/tiers.hpp"
#include "kernels/winograd/f32_2x2.hpp"
#include "kernels/winograd/f32_4x4.hpp"
#include "kernels/winograd/int8_2x2.hpp"
