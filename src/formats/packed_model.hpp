// A packed model (.tsr): the graph of one case with its constants and the weights packed for it, in a file that is
// mapped and used as it lies.
//
//   magic "TESSERA\0", u32 format version, u32 0, u64 offset and u64 length of the record, u64 its checksum
//   blobs: elements of constants and packed weights, each on a cache line, with the slack that kernels may read behind
//   it the record (CBOR): version, model, case, graph, where the blobs lie, and the checksum of each
//
// Checksums (XXH3, 64 bits) find damage, not intent: a packed model is to be trusted like a program.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/memory.hpp"
#include "graph/graph.hpp"

namespace tessera {

/// A constant in a form that some kernel reads.
struct PackedForm {
  Tensor source;     ///< the constant of the graph, by identity
  std::string form;  ///< WeightStore's name of the form
  std::shared_ptr<const AlignedBuffer> packed;
};

/// What a plan asked of a constant.
struct PackedFact {
  Tensor source;
  std::string question;
  std::vector<double> found;
};

struct PackedModel {
  std::string tessera;         ///< the version that packed it; another one refuses it
  std::string name;            ///< of the model
  bool synthetic = false;      ///< weights were made up, not trained
  std::string precision, isa;  ///< the case
  Graph graph;                 ///< as the case runs it, shapes symbolic
  std::vector<PackedForm> forms;
  std::vector<PackedFact> facts;
};

bool is_packed_model(const std::string& path);

/// The file appears complete or not at all. Error{failed} when it cannot be written.
void write_packed_model(const PackedModel& model, const std::string& path);

/// Maps the file and checks it on `threads` threads. Error{invalid} naming path and reason: damaged, or written in
/// another format or by another version than `tessera`.
PackedModel read_packed_model(const std::string& path, const std::string& tessera, int threads);

}  // namespace tessera
