#include "models/inputs.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "models/random.hpp"

namespace tessera {
namespace {

struct NoiseScale {
  std::int64_t pixels;
  float amplitude;
};
// Interpolated noise keeps 4/9 of its variance, white noise (1 pixel) all of it: (0.81 + 0.49 + 0.36) * 4/9 + 0.30
// = 1.04.
constexpr std::array<NoiseScale, 4> noise_scales{{{32, 0.9F}, {8, 0.7F}, {4, 0.6F}, {1, 0.55F}}};

/// Where pixel i falls on a grid with one point per `pixels` pixels: between two neighbours, at the border on one.
struct GridPosition {
  std::int64_t low, high;
  float fraction;
};
GridPosition grid_position(std::int64_t i, std::int64_t pixels, std::int64_t points) {
  const float position = (static_cast<float>(i) + 0.5F) / static_cast<float>(pixels) - 0.5F;
  if (position <= 0.0F) return {0, 0, 0.0F};
  const auto low = std::min(static_cast<std::int64_t>(position), points - 1);
  return {low, std::min(low + 1, points - 1), position - static_cast<float>(low)};
}

/// Adds bilinearly interpolated grid noise to one plane.
void add_noise(std::span<float> plane, std::int64_t height, std::int64_t width, const NoiseScale& scale,
               const RandomStream& random) {
  const std::int64_t rows = (height + scale.pixels - 1) / scale.pixels,
                     columns = (width + scale.pixels - 1) / scale.pixels;
  std::vector<float> grid(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < grid.size(); ++i) grid[i] = scale.amplitude * random.normal(i);
  const auto point = [&](std::int64_t row, std::int64_t column) {
    return grid[static_cast<std::size_t>(row * columns + column)];
  };
  for (std::int64_t y = 0; y < height; ++y) {
    const GridPosition v = grid_position(y, scale.pixels, rows);
    for (std::int64_t x = 0; x < width; ++x) {
      const GridPosition h = grid_position(x, scale.pixels, columns);
      const float top = point(v.low, h.low) + (point(v.low, h.high) - point(v.low, h.low)) * h.fraction;
      const float bottom = point(v.high, h.low) + (point(v.high, h.high) - point(v.high, h.low)) * h.fraction;
      plane[static_cast<std::size_t>(y * width + x)] += top + (bottom - top) * v.fraction;
    }
  }
}

/// The ids BERT's uncased vocabulary gives to its special tokens; smaller vocabularies have theirs at the front.
struct SpecialTokens {
  std::int64_t begin, separator, first_word;
};
SpecialTokens special_tokens(std::int64_t vocabulary) {
  if (vocabulary > 2000) return {101, 102, 1000};
  if (vocabulary > 200) return {101, 102, 103};
  return {std::min<std::int64_t>(1, vocabulary - 1), std::min<std::int64_t>(2, vocabulary - 1),
          std::min<std::int64_t>(3, vocabulary - 1)};
}

bool contains(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

/// The least number of rows among the tables that an input selects from, directly or behind a Cast.
std::optional<std::int64_t> rows_selected_from(const Graph& graph, ValueId id) {
  std::optional<std::int64_t> rows;
  const auto take = [&](std::optional<std::int64_t> found) {
    if (found) rows = std::min(rows.value_or(*found), *found);
  };
  for (const Node& node : graph.nodes) {
    if (node.op == "Cast" && node.input(0) == id) take(rows_selected_from(graph, node.outputs[0]));
    if (node.op != "Gather" || node.input(1) != id) continue;
    const SymbolicShape& table = graph.value(node.input(0)).shape;
    if (table.ranked && table.rank() > 0 && table.dims[0].known()) take(table.dims[0].value());
  }
  return rows;
}

template <typename T, typename Make>
Tensor filled(const Shape& shape, Make&& make) {
  Tensor tensor(data_type_of<T>, shape);
  std::uint64_t index = 0;
  for (T& element : tensor.mutable_as<T>()) element = make(index++);
  return tensor;
}

Tensor integer_input(const Graph& graph, ValueId id, const Shape& shape, std::uint64_t seed) {
  const std::string& name = graph.value(id).name;
  const RandomStream random(seed, name);
  const auto rows = rows_selected_from(graph, id);
  if (shape.rank() != 2)
    return filled<std::int64_t>(shape, [&](std::uint64_t i) { return random.below(rows.value_or(2), i); });
  if (contains(name, "position"))
    return filled<std::int64_t>(shape, [&](std::uint64_t i) { return static_cast<std::int64_t>(i) % shape[1]; });
  // All three come from one batch, so that the padding of the ids is where the mask says.
  const TokenBatch tokens = token_batch(shape[0], shape[1], std::max<std::int64_t>(rows.value_or(2), 1), seed);
  if (contains(name, "mask")) return tokens.mask;
  if (contains(name, "type") || contains(name, "segment")) return tokens.types;
  return tokens.ids;
}

Tensor narrowed(const Tensor& wide) {
  const auto elements = wide.as<std::int64_t>();
  return filled<std::int32_t>(wide.shape(), [&](std::uint64_t i) { return static_cast<std::int32_t>(elements[i]); });
}

Tensor random_input(const Graph& graph, ValueId id, std::uint64_t seed) {
  const Value& value = graph.value(id);
  if (!value.shape.concrete())
    reject("input " + value.name, "its shape " + to_string(value.shape) + " is not bound",
           "give the symbolic extents a number");
  const Shape shape = value.shape.to_shape();
  const RandomStream random(seed, value.name);
  switch (value.type) {
    case DataType::f32: return shape.rank() == 4 ? image_noise(shape, seed) : normal_tensor(shape, random, 1.0F);
    case DataType::bf16: return filled<bfloat16>(shape, [&](std::uint64_t i) { return bfloat16(random.normal(i)); });
    case DataType::u8:
      return filled<std::uint8_t>(shape,
                                  [&](std::uint64_t i) { return static_cast<std::uint8_t>(random.below(256, i)); });
    case DataType::s8:
      return filled<std::int8_t>(shape,
                                 [&](std::uint64_t i) { return static_cast<std::int8_t>(random.below(256, i) - 128); });
    case DataType::boolean: return filled<bool>(shape, [&](std::uint64_t i) { return random.below(2, i) != 0; });
    case DataType::i64: return integer_input(graph, id, shape, seed);
    case DataType::s16: break;  // inside kernels only
    case DataType::s32: return narrowed(integer_input(graph, id, shape, seed));
  }
  return {};
}

}  // namespace

Tensor image_noise(const Shape& shape, std::uint64_t seed) {
  Tensor image(DataType::f32, shape);
  const std::int64_t height = shape.back(1), width = shape.back(0);
  const auto plane_size = static_cast<std::size_t>(height * width);
  const std::int64_t planes = shape.product(0, shape.rank() - 2);
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    const auto elements = image.mutable_as<float>().subspan(static_cast<std::size_t>(plane) * plane_size, plane_size);
    for (const NoiseScale& scale : noise_scales) {
      const RandomStream random(seed, "image " + std::to_string(plane) + " " + std::to_string(scale.pixels));
      add_noise(elements, height, width, scale, random);
    }
  }
  return image;
}

TokenBatch token_batch(std::int64_t batch, std::int64_t sequence, std::int64_t vocabulary, std::uint64_t seed) {
  const Shape shape{batch, sequence};
  TokenBatch tokens{Tensor(DataType::i64, shape), Tensor(DataType::i64, shape), Tensor(DataType::i64, shape)};
  const auto ids = tokens.ids.mutable_as<std::int64_t>();
  const auto mask = tokens.mask.mutable_as<std::int64_t>();
  const auto types = tokens.types.mutable_as<std::int64_t>();
  const auto [begin, separator, first_word] = special_tokens(vocabulary);
  const RandomStream random(seed, "tokens");
  for (std::int64_t row = 0; row < batch; ++row) {
    const std::int64_t length =
        row % 2 == 0 ? sequence : std::max<std::int64_t>(sequence * 3 / 5, std::min<std::int64_t>(sequence, 3));
    for (std::int64_t i = 0; i < length; ++i) {
      const auto at = static_cast<std::size_t>(row * sequence + i);
      ids[at] = first_word + random.below(vocabulary - first_word, at);
      if (i == length / 2 || i == length - 1) ids[at] = separator;
      if (i == 0) ids[at] = begin;
      mask[at] = 1;
      types[at] = i > length / 2 ? 1 : 0;
    }
  }
  return tokens;
}

std::vector<Tensor> random_inputs(const Graph& graph, std::uint64_t seed) {
  std::vector<Tensor> tensors;
  for (const ValueId id : graph.inputs) tensors.push_back(random_input(graph, id, seed));
  return tensors;
}

}  // namespace tessera
