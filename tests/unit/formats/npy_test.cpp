// .npy and .npz.
#include "formats/npy.hpp"

#include <array>
#include <span>
#include <string>

#include "data/npz.hpp"
#include "unit/formats/support.hpp"
#include "unit/support/zip_file.hpp"

namespace tessera::formats_testing {
namespace {

std::string npy(const std::string& header, const std::string& data, char version = 1) {
  std::string file = "\x93NUMPY";
  file += version;
  file += '\0';
  const auto length = static_cast<unsigned>(header.size());
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) file += static_cast<char>(length >> (8 * i) & 0xff);
  return file + header + data;
}

std::string header(const std::string& type, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

Tensor array_of(const std::string& bytes) {
  return parse_npy(std::as_bytes(std::span(bytes)), "a.npy");
}

void refuse_array(const std::string& bytes, std::vector<std::string> parts) {
  parts.emplace_back("a.npy");
  expect_error(ErrorKind::invalid, parts, [&] { (void)array_of(bytes); });
}

template <typename T, std::size_t n>
std::string array_bytes(const std::array<T, n>& elements) {
  return {reinterpret_cast<const char*>(elements.data()), sizeof elements};
}

template <typename T>
void round_trip(const TemporaryFolder& folder, const Shape& shape) {
  Tensor tensor(data_type_of<T>, shape);
  int next = -3;
  for (T& element : tensor.mutable_as<T>()) element = static_cast<T>(next++);
  const std::string path = folder.file("a.npy");
  write_npy(tensor, path);
  expect_same_bits(read_npy(path), tensor, to_string(shape));
  EXPECT_EQ((read_bytes(path).size() - tensor.bytes()) % 64, 0U);
}

TEST(Npy, RoundTripOfEveryTypeAndRank) {
  TemporaryFolder folder;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{5}, Shape{2, 3}, Shape{0, 4}, Shape{2, 1, 3, 2}}) {
    round_trip<float>(folder, shape);
    round_trip<std::int64_t>(folder, shape);
    round_trip<std::int32_t>(folder, shape);
    round_trip<std::int8_t>(folder, shape);
    round_trip<std::uint8_t>(folder, shape);
    round_trip<bool>(folder, shape);
  }
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(Npy, Bfloat16IsWrittenAsFloat) {
  TemporaryFolder folder;
  write_npy(Tensor::from<bfloat16>(Shape{2}, std::array{bfloat16(1.5F), bfloat16(-2.0F)}), folder.file("a.npy"));
  expect_same_bits(read_npy(folder.file("a.npy")), Tensor::from<float>(Shape{2}, std::array{1.5F, -2.0F}), "bf16");
}

TEST(Npy, WhatNumPyWrites) {
  // numpy.save of array([[1, 2, 3]], float32): header padded to 64 bytes in all.
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }";
  text.append(117 - text.size(), ' ');
  text += '\n';
  const Tensor expected = Tensor::from<float>(Shape{1, 3}, std::array{1.0F, 2.0F, 3.0F});
  const std::string data = array_bytes(std::array{1.0F, 2.0F, 3.0F});
  for (const char version : {'\1', '\2', '\3'})
    expect_same_bits(array_of(npy(text, data, version)), expected, "version");
  // A wide array is the same in both orders when it has one axis.
  expect_same_bits(array_of(npy(header("<f4", "(3,)", "True"), data)), expected.reshaped(Shape{3}), "one axis");
}

TEST(Npy, DoublesAndHalvesBecomeFloats) {
  expect_same_bits(array_of(npy(header("<f8", "(2,)"), array_bytes(std::array{0.1, 3.0}))),
                   Tensor::from<float>(Shape{2}, std::array{0.1F, 3.0F}), "f8");
  expect_same_bits(array_of(npy(header("<f2", "(1,)"), array_bytes(std::array<std::uint16_t, 1>{0x3c00}))),
                   Tensor::from<float>(Shape{1}, std::array{1.0F}), "f2");
  expect_same_bits(array_of(npy(header("<i1", "()"), "\x05")), Tensor::scalar(std::int8_t{5}), "i1");
}

TEST(Npy, FilesThatAreNone) {
  refuse_array("", {"not a .npy file"});
  refuse_array("NUMPY and some text", {"not a .npy file"});
  refuse_array(std::string("\x93NUMPY"), {"cut short"});
  refuse_array(npy("", "", 4), {"version 4"});
  const std::string whole = npy(header("<f4", "(2,)"), array_bytes(std::array{1.0F, 2.0F}));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW((void)array_of(whole.substr(0, size)), Error) << size;
  refuse_array(whole + "x", {"needs 8 bytes", "has 9"});
}

TEST(Npy, HeadersThatAreNone) {
  const std::string data = array_bytes(std::array{1.0F});
  refuse_array(npy(header(">f4", "(1,)"), data), {">f4", "not supported"});
  refuse_array(npy(header("<c8", "(1,)"), data), {"<c8"});
  refuse_array(npy(header("|O", "(1,)"), data), {"|O"});
  refuse_array(npy(header("<f4", "(1, 1)", "True"), data), {"Fortran order"});
  refuse_array(npy(header("<f4", "(1,)", "Maybe"), data), {"fortran_order"});
  refuse_array(npy(header("<f4", "(-1,)"), data), {"negative extent"});
  refuse_array(npy(header("<f4", "(4294967296, 4294967296)"), data), {"larger than any memory"});
  refuse_array(npy(header("<f4", "(99999999999999999999,)"), data), {"extent is not a number"});
  refuse_array(npy(header("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), data), {"9 dimensions"});
  refuse_array(npy(header("<f4", "(x,)"), data), {"extent is not a number"});
  refuse_array(npy(header("<f4", "(1 1)"), data), {"not separated"});
  refuse_array(npy(header("<f4", "1"), data), {"no ("});
  refuse_array(npy("{'descr': '<f4', 'shape': (1,), }", data), {"missing"});
  refuse_array(npy("{'descr': '<f4', 'descr': '<f4', }", data), {"unexpected entry descr"});
  refuse_array(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", data), {"structured"});
  refuse_array(npy("{'descr': '<f4", data), {"does not end"});
  refuse_array(npy("[]", data), {"no {"});
}

class Npz : public ::testing::Test {
 protected:
  void write(const std::vector<std::pair<std::string, std::string>>& entries, int method) const {
    testing::write_zip(path_, entries, method);
  }
  void refuse_array(std::vector<std::string> parts) const {
    parts.push_back(path_);
    expect_error(ErrorKind::invalid, parts, [&] { (void)read_npz(path_); });
  }
  TemporaryFolder folder_;
  std::string path_ = folder_.file("a.npz");
};

TEST_F(Npz, ArraysByName) {
  for (const int method : {testing::stored, testing::deflated}) {
    write({{"x.npy", npy(header("<f4", "(2,)"), array_bytes(std::array{1.0F, 2.0F}))},
           {"ids.npy", npy(header("<i8", "(1,)"), array_bytes(std::array<std::int64_t, 1>{7}))}},
          method);
    const auto tensors = read_npz(path_);
    ASSERT_EQ(tensors.size(), 2U);
    expect_same_bits(tensors.at("x"), Tensor::from<float>(Shape{2}, std::array{1.0F, 2.0F}), "x");
    expect_same_bits(tensors.at("ids"), Tensor::from<std::int64_t>(Shape{1}, std::array<std::int64_t, 1>{7}), "ids");
  }
}

TEST_F(Npz, ArchivesThatAreNone) {
  refuse_array({"cannot open the file"});
  write_bytes(path_, "this is no archive");
  refuse_array({"cannot read the .npz file"});
  write({{"readme.txt", "hello"}}, testing::stored);
  refuse_array({"readme.txt", "not a .npy file"});
  write({{"x.npy", "hello"}}, testing::stored);
  refuse_array({"x.npy", "not a .npy file"});
}

TEST_F(Npz, NothingIsInflatedBeyondWhatTheHeaderAsksFor) {
  // 64 MiB of zeros behind the header of two numbers: 65 KB in the file.
  std::string padded = npy(header("<f4", "(2,)"), array_bytes(std::array{1.0F, 2.0F}));
  padded.resize(std::size_t{64} << 20U);
  write({{"x.npy", padded}}, testing::deflated);
  refuse_array({"x.npy", "67108864 bytes where its header asks for 76"});
}

TEST_F(Npz, WhatIsNotWantedIsNotRead) {
  const std::string array = npy(header("<f4", "(1,)"), array_bytes(std::array{1.0F}));
  write({{"x.npy", array}, {"damaged.npy", array + "more"}}, testing::stored);
  refuse_array({"damaged.npy"});
  const auto tensors = read_npz(path_, [](const std::string& name) { return name == "x"; });
  EXPECT_EQ(tensors.at("x").as<float>()[0], 1.0F);
  EXPECT_TRUE(tensors.at("damaged").empty());  // its name is there, for messages
}

TEST_F(Npz, DamagedEntries) {
  std::string noise(5000, '\0');
  unsigned state = 1;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
  write({{"x.npy", npy(header("|u1", "(5000,)"), noise)}}, testing::stored);
  std::string bytes = read_bytes(path_);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);  // the checksum no longer holds
  write_bytes(path_, bytes);
  refuse_array({"x.npy", "damaged"});
}

}  // namespace
}  // namespace tessera::formats_testing
