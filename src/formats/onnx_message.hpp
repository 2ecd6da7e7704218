// The bytes of an ONNX file as a message of the protobuf library, without the elements of its weights: those are nearly
// all of a file, and stay where they are.
#pragma once

#include <google/protobuf/arena.h>
#include <onnx/onnx_pb.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tessera {

struct OnnxMessage {
  OnnxMessage();

  std::unique_ptr<google::protobuf::Arena> arena;  ///< holds the message in few pieces, which go back as a whole
  onnx::ModelProto& model;
  /// By initializer: its raw_data, which the message itself then lacks; nothing where it has none, or still holds it.
  std::vector<std::optional<std::span<const std::byte>>> raw_data;
};

/// Nothing when the bytes are no such message. They are at most 2 GiB and outlive the result.
std::optional<OnnxMessage> parse_onnx_message(std::span<const std::byte> bytes);

}  // namespace tessera
