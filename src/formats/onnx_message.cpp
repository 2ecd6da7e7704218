#include "formats/onnx_message.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include <cstdint>

namespace tessera {
namespace {

using google::protobuf::MessageLite;
using google::protobuf::io::CodedInputStream;
using Bytes = std::span<const std::byte>;

/// How the format writes what stands in a field: https://protobuf.dev/programming-guides/encoding/
enum WireType : std::uint32_t { varint = 0, eight_bytes = 1, counted_bytes = 2, four_bytes = 5 };

/// The tag of a field that holds bytes or a message.
constexpr std::uint32_t tag_of(int field) {
  return static_cast<std::uint32_t>(field) << 3U | counted_bytes;
}

CodedInputStream stream_of(Bytes bytes) {
  return CodedInputStream(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
}

/// Reads past the value of a field; false for damage, and for groups, which ONNX has never had.
bool skip_value(CodedInputStream& stream, std::uint32_t tag, std::uint32_t& counted) {
  std::uint64_t number = 0;
  switch (tag & 7U) {
    case varint: return stream.ReadVarint64(&number);
    case eight_bytes: return stream.Skip(8);
    case four_bytes: return stream.Skip(4);
    case counted_bytes:
      return stream.ReadVarint32(&counted) && counted <= INT32_MAX && stream.Skip(static_cast<int>(counted));
    default: return false;
  }
}

bool merge(MessageLite& message, Bytes fields) {
  CodedInputStream stream = stream_of(fields);
  return message.MergePartialFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

/// Calls on_field(content) for the fields of that tag and merges all others into `message`.
template <typename OnField>
bool split(Bytes bytes, std::uint32_t wanted, MessageLite& message, OnField&& on_field) {
  CodedInputStream stream = stream_of(bytes);
  std::size_t others = 0;  // where the fields begin that have not been merged
  while (true) {
    const auto begin = static_cast<std::size_t>(stream.CurrentPosition());
    if (begin == bytes.size()) return begin == others || merge(message, bytes.subspan(others));
    const std::uint32_t tag = stream.ReadTag();
    std::uint32_t counted = 0;
    if (tag == 0 || !skip_value(stream, tag, counted)) return false;
    if (tag != wanted) continue;
    if (begin > others && !merge(message, bytes.subspan(others, begin - others))) return false;
    others = static_cast<std::size_t>(stream.CurrentPosition());
    if (!on_field(bytes.subspan(others - counted, counted))) return false;
  }
}

bool split_model(Bytes bytes, OnnxMessage& message) {
  using namespace onnx;
  const auto on_raw_data = [&](Bytes raw) {
    message.raw_data.back() = raw;
    return true;
  };
  const auto on_initializer = [&](Bytes content) {
    TensorProto& tensor = *message.model.mutable_graph()->add_initializer();
    message.raw_data.emplace_back();
    return split(content, tag_of(TensorProto::kRawDataFieldNumber), tensor, on_raw_data);
  };
  const auto on_graph = [&](Bytes content) {
    GraphProto& graph = *message.model.mutable_graph();
    return split(content, tag_of(GraphProto::kInitializerFieldNumber), graph, on_initializer);
  };
  return split(bytes, tag_of(ModelProto::kGraphFieldNumber), message.model, on_graph);
}

/// Pieces from 256 KiB on: large enough that malloc takes each from the system and gives it back to it.
google::protobuf::ArenaOptions in_large_pieces() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = std::size_t{256} << 10;
  options.max_block_size = std::size_t{1} << 20;
  return options;
}

}  // namespace

OnnxMessage::OnnxMessage()
    : arena(std::make_unique<google::protobuf::Arena>(in_large_pieces())),
      model(*google::protobuf::Arena::CreateMessage<onnx::ModelProto>(arena.get())) {}

std::optional<OnnxMessage> parse_onnx_message(Bytes bytes) {
  const google::protobuf::LogSilencer quiet;  // the parser reports on stderr what we report as an Error
  OnnxMessage message;
  if (split_model(bytes, message)) return message;
  // What cannot be split may still be a message: the library has the last word.
  OnnxMessage whole;
  if (!whole.model.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  whole.raw_data.resize(static_cast<std::size_t>(whole.model.graph().initializer_size()));
  return whole;
}

}  // namespace tessera
