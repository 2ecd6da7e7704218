#include "formats/packed_model.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "core/deferred_tensor.hpp"
#include "core/error.hpp"
#include "formats/atomic_file.hpp"
#include "formats/graph_record.hpp"
#include "formats/json_parser.hpp"
#include "formats/json_writer.hpp"
#include "formats/mapped_file.hpp"
#include "formats/stored_tensor.hpp"

namespace tessera {
namespace {

constexpr std::array<char, 8> packed_magic = {'T', 'E', 'S', 'S', 'E', 'R', 'A', '\0'};
constexpr std::uint32_t format_version = 1;
constexpr const char* again = "compile the model again: tessera compile MODEL --case CASE -o FILE.tsr";

struct PackedHeader {
  std::array<char, 8> magic = {};
  std::uint32_t version = 0, reserved = 0;
  std::uint64_t record_offset = 0, record_bytes = 0, record_checksum = 0;
};

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
  return XXH3_64bits(bytes.data(), bytes.size());
}

/// Writes blobs one behind the other and notes where they lie.
class BlobWriter {
 public:
  explicit BlobWriter(AtomicFile& file) : file_(file) {}

  std::size_t put(std::span<const std::byte> bytes) {
    pad(round_up(file_.position(), cache_line));
    blobs.emplace_back(JsonValue::Array{file_.position(), bytes.size(), checksum(bytes)});
    file_.write(bytes);
    pad(file_.position() + buffer_slack);
    return blobs.size() - 1;
  }

  /// Tensors that share their elements share a blob.
  std::size_t put(const Tensor& tensor) {
    auto [entry, fresh] = first_.try_emplace(identity_of(tensor), tensors.size());
    std::size_t blob = 0;
    if (fresh) {
      kept_.push_back(tensor);
      const BorrowedElements elements = borrow(tensor, scratch_);
      blob = put(std::span(elements.data, tensor.bytes()));
    } else {
      blob = tensors[entry->second].at("blob").get<std::size_t>();
    }
    const auto extents = tensor.shape().dims();
    tensors.emplace_back(JsonValue::Object{{"blob", blob},
                                           {"type", static_cast<int>(tensor.type())},
                                           {"shape", JsonValue(std::vector(extents.begin(), extents.end()))}});
    return tensors.size() - 1;
  }

  /// The number of the first tensor with these elements; nothing where none was put.
  [[nodiscard]] std::optional<std::size_t> find(const Tensor& tensor) const {
    const auto found = first_.find(identity_of(tensor));
    return found == first_.end() ? std::nullopt : std::optional(found->second);
  }

  JsonValue::Array blobs, tensors;

 private:
  void pad(std::size_t position) {
    static constexpr std::array<std::byte, buffer_slack> zeros = {};
    file_.write(std::span(zeros).first(position - file_.position()));
  }

  AtomicFile& file_;
  AlignedBuffer scratch_;
  std::map<const void*, std::size_t> first_;
  std::vector<Tensor> kept_;  ///< keeps the keys' addresses from being reused
};

/// A place in the file that has been checked against its length.
struct Blob {
  std::span<const std::byte> bytes;
  std::uint64_t recorded = 0;  ///< the checksum that it should have
};
using Blobs = std::vector<Blob>;

Blobs locate(const JsonValue& list, std::span<const std::byte> file, const std::string& what) {
  Blobs found;
  found.reserve(list.elements().size());
  for (const JsonValue& blob : list.elements()) {
    const auto offset = blob.at(0).get<std::size_t>(), bytes = blob.at(1).get<std::size_t>();
    if (offset > file.size() || bytes > file.size() - offset || file.size() - offset - bytes < buffer_slack)
      reject(what, "is cut short", again);
    found.push_back({file.subspan(offset, bytes), blob.at(2).get<std::uint64_t>()});
  }
  return found;
}

/// Reads everything once, so that a first inference finds it in memory.
void verify(const Blobs& blobs, int threads, const std::string& what) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> differs = false;
  const auto work = [&] {
    for (std::size_t i = next++; i < blobs.size(); i = next++)
      if (checksum(blobs[i].bytes) != blobs[i].recorded) differs = true;
  };
  {
    std::vector<std::jthread> team;
    try {
      for (int i = 1; i < threads; ++i) team.emplace_back(work);
    } catch (const std::system_error&) {
      // A limit of threads is reached: those that are there do all of it.
    }
    work();
  }
  if (differs) reject(what, "is damaged: a checksum is wrong", again);
}

/// The tensors of the record; those of one blob share its elements, and so its identity.
std::vector<Tensor> read_tensors(const JsonValue& list, const Blobs& blobs,
                                 const std::shared_ptr<const MappedFile>& file, const std::string& what) {
  std::vector<Tensor> tensors;
  tensors.reserve(list.elements().size());
  for (const JsonValue& entry : list.elements()) {
    const DataType type = element_type_of(entry.at("type"), what);
    const Shape shape = checked_shape(entry.at("shape").get<std::vector<std::int64_t>>(), size_of(type), what);
    const std::span<const std::byte> blob = blobs.at(entry.at("blob").get<std::size_t>()).bytes;
    Tensor tensor(type, shape, file, blob.data());
    if (tensor.bytes() != blob.size()) reject(what, "is damaged: a constant has another size", again);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void read_packed(PackedModel& model, const JsonValue& record, const std::vector<Tensor>& tensors, const Blobs& blobs,
                 const std::shared_ptr<const MappedFile>& file) {
  for (const JsonValue& entry : record.at("forms").elements()) {
    const std::span<const std::byte> blob = blobs.at(entry.at("blob").get<std::size_t>()).bytes;
    // Kernels read packed weights and nobody writes them.
    auto packed = std::make_shared<const AlignedBuffer>(file, const_cast<std::byte*>(blob.data()), blob.size());
    model.forms.push_back(
        {tensors.at(entry.at("source").get<std::size_t>()), entry.at("form").get<std::string>(), std::move(packed)});
  }
  for (const JsonValue& entry : record.at("facts").elements())
    model.facts.push_back({tensors.at(entry.at("source").get<std::size_t>()), entry.at("question").get<std::string>(),
                           entry.at("found").get<std::vector<double>>()});
}

PackedHeader read_packed_header(std::span<const std::byte> bytes, const std::string& what) {
  PackedHeader header;
  if (bytes.size() < sizeof header) reject(what, "is cut short", again);
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != packed_magic) reject(what, "is not a packed model", again);
  if (header.version != format_version)
    reject(what,
           "is of format " + std::to_string(header.version) + ", this is format " + std::to_string(format_version),
           again);
  if (header.record_offset > bytes.size() || header.record_bytes > bytes.size() - header.record_offset)
    reject(what, "is cut short", again);
  return header;
}

}  // namespace

bool is_packed_model(const std::string& path) {
  return first_bytes(path, packed_magic.size()) == std::string_view(packed_magic.data(), packed_magic.size());
}

void write_packed_model(const PackedModel& model, const std::string& path) {
  AtomicFile file(path);
  // Its place: what it says is known at the end, when the file is whole.
  BlobWriter blobs(file);
  file.write(std::string(sizeof(PackedHeader), '\0'));
  JsonValue::Object record{{"tessera", model.tessera},
                           {"name", model.name},
                           {"synthetic", model.synthetic},
                           {"precision", model.precision},
                           {"isa", model.isa}};
  record.push_back({"graph", record_of(model.graph, [&](const Tensor& tensor) { return blobs.put(tensor); })});
  // By constant and name: the same model gives the same bytes.
  std::map<std::pair<std::size_t, std::string>, const PackedForm*> forms;
  for (const PackedForm& form : model.forms)
    if (const auto source = blobs.find(form.source)) forms[{*source, form.form}] = &form;
  JsonValue::Array form_list, fact_list;
  for (const auto& [key, form] : forms)
    form_list.emplace_back(
        JsonValue::Object{{"source", key.first},
                          {"form", key.second},
                          {"blob", blobs.put(std::span(form->packed->data(), form->packed->size()))}});
  std::map<std::pair<std::size_t, std::string>, const PackedFact*> facts;
  for (const PackedFact& fact : model.facts)
    if (const auto source = blobs.find(fact.source)) facts[{*source, fact.question}] = &fact;
  for (const auto& [key, fact] : facts)
    fact_list.emplace_back(
        JsonValue::Object{{"source", key.first}, {"question", key.second}, {"found", JsonValue(fact->found)}});
  record.push_back({"forms", std::move(form_list)});
  record.push_back({"facts", std::move(fact_list)});
  record.push_back({"blobs", std::move(blobs.blobs)});
  record.push_back({"tensors", std::move(blobs.tensors)});
  const std::vector<std::byte> bytes = to_cbor(std::move(record));
  const PackedHeader header{packed_magic, format_version, 0, file.position(), bytes.size(), checksum(bytes)};
  file.write(bytes);
  file.write_at(0, std::as_bytes(std::span(&header, 1)));
  file.commit();
}

PackedModel read_packed_model(const std::string& path, const std::string& tessera, int threads) {
  const std::string what = "packed model " + path;
  const std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file->bytes();
  const PackedHeader header = read_packed_header(bytes, what);
  const auto recorded = bytes.subspan(header.record_offset, header.record_bytes);
  if (checksum(recorded) != header.record_checksum) reject(what, "is damaged: a checksum is wrong", again);
  PackedModel model;
  try {
    const JsonValue record = parse_cbor(recorded);
    model.tessera = record.at("tessera").get<std::string>();
    if (model.tessera != tessera)
      reject(what, "was packed by Tessera " + model.tessera + ", this is " + tessera, again);
    model.name = record.at("name").get<std::string>();
    model.synthetic = record.at("synthetic").get<bool>();
    model.precision = record.at("precision").get<std::string>();
    model.isa = record.at("isa").get<std::string>();
    const Blobs blobs = locate(record.at("blobs"), bytes, what);
    verify(blobs, threads, what);
    const std::vector<Tensor> tensors = read_tensors(record.at("tensors"), blobs, file, what);
    const auto get = [&](std::size_t number) {
      if (number >= tensors.size()) reject(what, "is damaged: it names a constant that is not there", again);
      return tensors[number];
    };
    model.graph = graph_of(record.at("graph"), get, what);
    read_packed(model, record, tensors, blobs, file);
  } catch (const JsonError& error) {
    reject(what, std::string("is damaged (") + error.what() + ")", again);
  } catch (const std::out_of_range&) {
    reject(what, "is damaged: it names a place that is not there", again);
  }
  return model;
}

}  // namespace tessera
