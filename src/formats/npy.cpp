#include "formats/npy.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/memory.hpp"
#include "formats/atomic_file.hpp"
#include "formats/mapped_file.hpp"
#include "formats/stored_tensor.hpp"

namespace tessera {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr const char* save_again = "save it again with numpy.save";
// NumPy aligns the data so that it can be mapped.
constexpr std::size_t data_alignment = 64;

struct Header {
  std::string type;  // "<f4"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// Reads the header, the text of a Python dictionary of three known entries; no other Python is understood.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {}

  Header parse() {
    Header header;
    bool type = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(type, true)) {
        header.type = quoted();
      } else if (key == "fortran_order" && !std::exchange(order, true)) {
        header.fortran_order = boolean();
      } else if (key == "shape" && !std::exchange(shape, true)) {
        header.shape = tuple();
      } else {
        reject_header("unexpected entry " + key);
      }
      if (!accept(',') && peek() != '}') reject_header("entries are not separated");
    }
    if (!type || !order || !shape) reject_header("an entry is missing");
    return header;
  }

 private:
  [[noreturn]] void reject_header(const std::string& why) const {
    reject(origin_, "unreadable .npy header (" + why + ")", save_again);
  }

  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) reject_header(std::string("no ") + wanted + " where one belongs");
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') reject_header("structured types are not supported");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) reject_header("a string does not end");
    const std::string_view content = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return std::string(content);
  }
  bool boolean() {
    peek();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    reject_header("fortran_order is neither True nor False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> extents;
    expect('(');
    while (!accept(')')) {
      peek();
      std::int64_t extent = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (error != std::errc{}) reject_header("an extent is not a number");
      at_ = static_cast<std::size_t>(end - text_.data());
      extents.push_back(extent);
      if (!accept(',') && peek() != ')') reject_header("extents are not separated");
    }
    return extents;
  }

  std::string_view text_;
  const std::string& origin_;
  std::size_t at_ = 0;
};

constexpr std::array<std::pair<std::string_view, StoredType>, 8> types{{{"<f4", StoredType::f32},
                                                                        {"<f8", StoredType::f64},
                                                                        {"<i8", StoredType::i64},
                                                                        {"<i4", StoredType::s32},
                                                                        {"|i1", StoredType::s8},
                                                                        {"|u1", StoredType::u8},
                                                                        {"|b1", StoredType::boolean},
                                                                        {"<f2", StoredType::f16}}};

/// One byte has no order: NumPy writes '|', others write '<'.
bool same_type(std::string_view name, std::string_view known) {
  if (name == known) return true;
  return known.starts_with('|') && name.starts_with('<') && name.substr(1) == known.substr(1);
}

StoredType stored_type_of(const std::string& name, const std::string& origin) {
  for (const auto& [known, type] : types)
    if (same_type(name, known)) return type;
  reject(origin, "arrays of type " + name + " are not supported",
         "save it as float32, int64, int32, int8, uint8 or bool");
}

std::string_view numpy_type_of(DataType type) {
  for (const auto& [name, stored] : types)
    if (in_memory(stored) == type) return name;
  return "";
}

/// The header's text and where the data begins. Versions 2 and 3 have a longer length field, 3 UTF-8 instead of
/// Latin-1.
std::pair<std::string_view, std::size_t> find_header(std::string_view file, const std::string& origin) {
  if (!file.starts_with(magic)) reject(origin, "is not a .npy file", save_again);
  const auto byte = [&](std::size_t i) -> std::size_t {
    if (i >= file.size()) reject(origin, "the .npy file is cut short", save_again);
    return static_cast<unsigned char>(file[i]);
  };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) reject(origin, "unknown .npy version " + std::to_string(version), save_again);
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= byte(8 + i) << (8 * i);
  const std::size_t begin = 8 + length_bytes;
  if (length > file.size() - begin) reject(origin, "the .npy file is cut short", save_again);
  return {file.substr(begin, length), begin + length};
}

Tensor parse(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner, const std::string& origin) {
  const auto [text, data] = find_header({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, origin);
  const Header header = HeaderParser(text, origin).parse();
  const StoredType type = stored_type_of(header.type, origin);
  const Shape shape = checked_shape(header.shape, size_of(type), origin);
  if (header.fortran_order && shape.rank() > 1)
    reject(origin, "the array is in Fortran order", "save numpy.ascontiguousarray of it");
  return load_stored(type, shape, bytes.subspan(data), owner, origin);
}

std::string header_of(const Tensor& tensor) {
  const DataType type = tensor.type() == DataType::bf16 ? DataType::f32 : tensor.type();
  std::string text = "{'descr': '" + std::string(numpy_type_of(type)) + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t extent : tensor.shape()) text += std::to_string(extent) + ",";  // "(3,)" needs its comma
  text += "), }";
  const std::size_t prefix = magic.size() + 4;
  text.append(round_up(prefix + text.size() + 1, data_alignment) - prefix - text.size() - 1, ' ');
  text += '\n';
  const char length[2] = {static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return std::string(magic) + std::string("\x01\x00", 2) + std::string(length, 2) + text;
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> bytes, const std::string& origin) {
  return parse(bytes, nullptr, origin);
}

Tensor read_npy(const std::string& path) {
  const auto file = MappedFile::open(path);
  return parse(file->bytes(), file, path);
}

void write_npy(const Tensor& tensor, const std::string& path) {
  AtomicFile file(path);
  file.write(header_of(tensor));
  if (tensor.type() == DataType::bf16) {
    for (const bfloat16 element : tensor.as<bfloat16>()) {
      const float value = static_cast<float>(element);
      file.write(std::as_bytes(std::span(&value, 1)));
    }
  } else {
    file.write(std::span(tensor.data(), tensor.bytes()));
  }
  file.commit();
}

}  // namespace tessera
