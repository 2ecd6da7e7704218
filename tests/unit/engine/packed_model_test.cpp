// A packed model runs to the bits of the model that it was packed from, packs nothing, and is refused where it does not
// fit or is damaged.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tessera/tessera.hpp"
#include "unit/engine/session_support.hpp"
#include "unit/support/test_data.hpp"

namespace tessera {
namespace {

std::string scratch_file(const std::string& name) {
  return (std::filesystem::path(::testing::TempDir()) / (std::to_string(::getpid()) + "-" + name)).string();
}

/// A file that goes when the test is over.
struct ScratchFile {
  explicit ScratchFile(const std::string& name) : path(scratch_file(name)) {}
  ~ScratchFile() { std::filesystem::remove(path); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  std::string path;
};

void expect_same(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    ASSERT_EQ(tensor.shape(), b.at(name).shape());
    EXPECT_EQ(std::memcmp(tensor.data(), b.at(name).data(), tensor.bytes()), 0) << name;
  }
}

void flip(const std::string& path, std::streamoff offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(offset);
  const auto byte = static_cast<char>(file.get() ^ 1);
  file.seekp(offset);
  file.put(byte);
}

std::string refusal_of(const std::string& path) {
  try {
    Model::load(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class PackedModelOf : public ::testing::TestWithParam<Precision> {};

TEST_P(PackedModelOf, RunsToTheSameBitsAtAnyExtents) {
  for (const char* const name : {"image/model.onnx", "text/model.onnx"}) {
    const Model model = Model::load(test_data(name));
    SessionOptions options{.precision = GetParam(), .isa = Isa::avx2, .threads = 2};
    if (GetParam() == Precision::int8) options.calibration = {model.random_inputs({{"batch", 4}, {"seq", 16}}, 3)};
    const ScratchFile file("packed.tsr");
    model.save_packed(file.path, options);
    Session expected = model.compile(options);

    const Model packed = Model::load(file.path);
    ASSERT_TRUE(packed.packed_case());
    EXPECT_EQ(packed.packed_case()->precision, GetParam());
    EXPECT_EQ(packed.packed_case()->isa, Isa::avx2);
    Session session = packed.compile({.threads = 2});
    for (const int batch : {1, 3}) {
      const TensorMap inputs = model.random_inputs({{"batch", batch}, {"seq", 8 + batch}}, 5);
      expect_same(session.run(inputs), expected.run(inputs));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, PackedModelOf,
                         ::testing::Values(Precision::fp32, Precision::bf16, Precision::int8, Precision::int8_dynamic),
                         [](const auto& param) {
                           std::string name(name_of(param.param));
                           std::erase(name, '-');
                           return name;
                         });

TEST(PackedModel, TheSameModelGivesTheSameBytes) {
  const ScratchFile a("a.tsr"), b("b.tsr");
  for (const ScratchFile* file : {&a, &b}) Model::load(test_data("image/model.onnx")).save_packed(file->path);
  std::ifstream first(a.path, std::ios::binary), second(b.path, std::ios::binary);
  const std::string left((std::istreambuf_iterator<char>(first)), {}),
      right((std::istreambuf_iterator<char>(second)), {});
  EXPECT_FALSE(left.empty());
  EXPECT_TRUE(left == right);
}

TEST(PackedModel, OtherOptionsThanItsCaseAreRefused) {
  const ScratchFile file("case.tsr");
  Model::load(test_data("image/model.onnx")).save_packed(file.path, {.precision = Precision::bf16, .isa = Isa::avx2});
  const Model packed = Model::load(file.path);
  EXPECT_THROW(static_cast<void>(packed.compile({.precision = Precision::int8})), Error);
  EXPECT_THROW(static_cast<void>(packed.compile({.isa = Isa::avx512_core})), Error);
  EXPECT_THROW(static_cast<void>(packed.compile({.opt_level = 0})), Error);
  EXPECT_THROW(packed.save(scratch_file("never.onnx")), Error);
  EXPECT_EQ(packed.compile({.precision = Precision::bf16, .isa = Isa::avx2}).isa(), Isa::avx2);
}

TEST(PackedModel, DamageIsNamed) {
  const ScratchFile file("damaged.tsr");
  Model::load(test_data("image/model.onnx")).save_packed(file.path);
  const auto bytes = static_cast<std::streamoff>(std::filesystem::file_size(file.path));
  // The first byte of the first constant, and the last of the record.
  for (const std::streamoff offset : {std::streamoff{64}, bytes - 1}) {
    flip(file.path, offset);
    EXPECT_NE(refusal_of(file.path).find("a checksum is wrong"), std::string::npos) << offset;
    flip(file.path, offset);
    EXPECT_EQ(refusal_of(file.path), "");
  }
  flip(file.path, 8);
  EXPECT_NE(refusal_of(file.path).find("is of format"), std::string::npos);
  flip(file.path, 8);
  for (const std::streamoff left : {bytes - 1, bytes / 2, std::streamoff{20}}) {
    std::filesystem::resize_file(file.path, static_cast<std::uintmax_t>(left));
    EXPECT_NE(refusal_of(file.path), "") << left;
  }
}

}  // namespace
}  // namespace tessera
