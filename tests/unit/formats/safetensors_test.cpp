// The safetensors reader.
#include "formats/safetensors.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "unit/formats/support.hpp"

namespace tessera::formats_testing {
namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data;
}

std::map<std::string, Tensor> tensors_of(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), nullptr, "a.safetensors");
}

void refuse_tensors(const std::string& bytes, std::vector<std::string> parts) {
  parts.emplace_back("a.safetensors");
  expect_error(ErrorKind::invalid, parts, [&] { (void)tensors_of(bytes); });
}

template <typename T, std::size_t n>
std::string tensor_bytes(const std::array<T, n>& elements) {
  return {reinterpret_cast<const char*>(elements.data()), sizeof elements};
}

TEST(Safetensors, TensorsOfSeveralTypes) {
  const auto tensors = tensors_of(file_of(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"F16","shape":[1,1],"data_offsets":[8,10]},"c":{"dtype":"BF16","shape":[],"data_offsets":[10,12]},)"
      R"("d":{"dtype":"I64","shape":[1],"data_offsets":[12,20]}})",
      tensor_bytes(std::array{1.0F, 2.0F}) + tensor_bytes(std::array<std::uint16_t, 2>{0x3c00, 0x3f80}) +
          tensor_bytes(std::array<std::int64_t, 1>{-4})));
  ASSERT_EQ(tensors.size(), 4U);
  expect_same_bits(tensors.at("a"), Tensor::from<float>(Shape{2}, std::array{1.0F, 2.0F}), "a");
  expect_same_bits(tensors.at("b"), Tensor::from<float>(Shape{1, 1}, std::array{1.0F}), "b");
  expect_same_bits(tensors.at("c"), Tensor::scalar(bfloat16(1.0F)), "c");
  expect_same_bits(tensors.at("d"), Tensor::from<std::int64_t>(Shape{1}, std::array<std::int64_t, 1>{-4}), "d");
}

TEST(Safetensors, FromAFileTheTensorsShareItsMapping) {
  TemporaryFolder folder;
  std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  header.append(56 - header.size() % 64, ' ');  // 8 bytes of length and the header fill whole cache lines
  write_bytes(folder.file("m.safetensors"), file_of(header, tensor_bytes(std::array{1.0F, 2.0F})));
  const Tensor tensor = read_safetensors(folder.file("m.safetensors")).at("a");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % 4096, 8 + header.size());
  EXPECT_EQ(tensor.as<float>()[1], 2.0F);
}

TEST(Safetensors, FilesThatAreNone) {
  refuse_tensors("", {"not a safetensors file"});
  refuse_tensors("short", {"not a safetensors file"});
  refuse_tensors(std::string(16, '\xff'), {"not a safetensors file"});
  const std::string whole = file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", std::string(8, 'x'));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW((void)tensors_of(whole.substr(0, size)), Error) << size;
  refuse_tensors(file_of("{not json}", ""), {"not JSON"});
  refuse_tensors(file_of("[]", ""), {"not JSON"});
}

TEST(Safetensors, EntriesThatDoNotFit) {
  const auto entry = [](const std::string& type, const std::string& shape, const std::string& range) {
    return file_of(R"({"a":{"dtype":)" + type + R"(,"shape":)" + shape + R"(,"data_offsets":)" + range + "}}",
                   std::string(8, '\0'));
  };
  refuse_tensors(entry("\"F8_E4M3\"", "[8]", "[0,8]"), {"tensor a", "F8_E4M3"});
  refuse_tensors(entry("4", "[2]", "[0,8]"), {"tensor a", "dtype"});
  refuse_tensors(entry("\"F32\"", "[2]", "[0,9]"), {"tensor a", "outside the file"});
  refuse_tensors(entry("\"F32\"", "[2]", "[8,0]"), {"tensor a", "outside the file"});
  refuse_tensors(entry("\"F32\"", "[2]", "[-8,8]"), {"tensor a", "outside the file"});
  refuse_tensors(entry("\"F32\"", "[2]", "[0]"), {"tensor a", "outside the file"});
  refuse_tensors(entry("\"F32\"", "[2]", "[18446744073709551608,8]"), {"tensor a", "data_offsets"});
  refuse_tensors(entry("\"F32\"", "[2]", "[0,4]"), {"tensor a", "needs 8 bytes", "has 4"});
  refuse_tensors(entry("\"F32\"", "[-2]", "[0,8]"), {"tensor a", "negative"});
  refuse_tensors(entry("\"F32\"", "[4294967296,4294967296]", "[0,8]"), {"tensor a", "larger than any memory"});
  refuse_tensors(entry("\"F32\"", "\"2\"", "[0,8]"), {"tensor a", "shape"});
  refuse_tensors(entry("\"F32\"", "[2.5]", "[0,8]"), {"tensor a", "shape"});
  refuse_tensors(file_of(R"({"a":7})", ""), {"tensor a", "object"});
  refuse_tensors(file_of(R"({"a":{"dtype":"F32","shape":[2]}})", ""), {"tensor a", "data_offsets"});
}

}  // namespace
}  // namespace tessera::formats_testing
