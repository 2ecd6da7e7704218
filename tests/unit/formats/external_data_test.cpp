// External data: what it may name, and sharing the mapped file.
#include <filesystem>

#include "unit/formats/onnx_support.hpp"

namespace tessera::formats_testing {
namespace {

using onnx::TensorProto;

/// A model whose w [2] lies in `location`; an empty offset or length is left out.
onnx::ModelProto model_at(const std::string& location, const std::string& offset = "", const std::string& length = "",
                          int type = TensorProto::FLOAT) {
  auto model = model_with(type, {2});
  auto* tensor = model.mutable_graph()->mutable_initializer(0);
  tensor->set_data_location(TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    tensor->add_external_data()->set_key(key);
    tensor->mutable_external_data(tensor->external_data_size() - 1)->set_value(value);
  };
  add("location", location);
  add("offset", offset);
  add("length", length);
  return model;
}

class ExternalDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_bytes(folder_.file("weights.bin"), raw<float>({1, 2, 3, 4}));
    std::filesystem::create_directory(folder_.file("sub"));
    write_bytes(folder_.file("sub/weights.bin"), raw<float>({7, 8}));
  }
  [[nodiscard]] std::vector<float> read(const onnx::ModelProto& model) const {
    return elements<float>(parse(model, folder_.path()));
  }
  TemporaryFolder folder_;
};

TEST_F(ExternalDataTest, OffsetAndLength) {
  EXPECT_EQ(read(model_at("weights.bin", "0", "8")), (std::vector{1.0F, 2.0F}));
  EXPECT_EQ(read(model_at("weights.bin", "8", "8")), (std::vector{3.0F, 4.0F}));
  EXPECT_EQ(read(model_at("weights.bin")), (std::vector{1.0F, 2.0F}));  // the tensor's own size counts
  EXPECT_EQ(read(model_at("sub/weights.bin", "0", "8")), (std::vector{7.0F, 8.0F}));
  EXPECT_EQ(read(model_at("./weights.bin", "4", "8")), (std::vector{2.0F, 3.0F}));
}

TEST_F(ExternalDataTest, LinksOfAHubsCacheStayInsideIt) {
  namespace fs = std::filesystem;
  const fs::path repository = fs::path(folder_.path()) / "models--org--name";
  const fs::path snapshot = repository / "snapshots" / "0123abcd";
  fs::create_directories(snapshot / "onnx");
  fs::create_directories(repository / "blobs");
  fs::create_directories(repository / "other");
  write_bytes((repository / "blobs" / "4567").string(), raw<float>({3, 4}));
  write_bytes((repository / "other" / "89").string(), raw<float>({5, 6}));
  fs::create_symlink("../../blobs/4567", snapshot / "model.onnx_data");
  fs::create_symlink("../../../blobs/4567", snapshot / "onnx" / "model.onnx_data");
  fs::create_symlink("../../other/89", snapshot / "stray.bin");
  fs::create_symlink("../../../weights.bin", snapshot / "escaped.bin");
  EXPECT_EQ(elements<float>(parse(model_at("model.onnx_data"), snapshot.string())), (std::vector{3.0F, 4.0F}));
  EXPECT_EQ(elements<float>(parse(model_at("model.onnx_data"), (snapshot / "onnx").string())),
            (std::vector{3.0F, 4.0F}));
  for (const char* outside : {"stray.bin", "escaped.bin"})
    expect_invalid(model_at(outside), {outside, "leaves the model's folder"}, snapshot.string());
}

TEST_F(ExternalDataTest, UnalignedElementsAreCopied) {
  write_bytes(folder_.file("odd.bin"), "x" + raw<float>({5, 6}));
  EXPECT_EQ(read(model_at("odd.bin", "1", "8")), (std::vector{5.0F, 6.0F}));
}

TEST_F(ExternalDataTest, SmallTensorsAreCopiedAndOutliveTheFile) {
  const Graph graph = parse(model_at("weights.bin", "8", "8"), folder_.path());
  const Tensor tensor = graph.value(graph.find("w")).constant;
  // They are read again and again: in the mapping they would end the process once the file is cut short.
  std::filesystem::resize_file(folder_.file("weights.bin"), 0);
  std::filesystem::remove(folder_.file("weights.bin"));
  EXPECT_EQ(tensor.as<float>()[1], 4.0F);
}

TEST_F(ExternalDataTest, RangesOutsideTheFile) {
  const auto refuse = [&](const std::string& offset, const std::string& length, std::vector<std::string> parts) {
    parts.emplace_back("initializer w");
    expect_invalid(model_at("weights.bin", offset, length), parts, folder_.path());
  };
  refuse("16", "8", {"lies outside", "16 bytes"});
  refuse("12", "8", {"lies outside"});
  refuse("17", "0", {"lies outside"});
  refuse("18446744073709551608", "16", {"lies outside"});  // offset + length wraps
  refuse("0", "4", {"needs 8 bytes", "has 4"});
  refuse("-1", "8", {"offset", "-1", "not a number"});
  refuse("0x8", "8", {"offset", "not a number"});
  refuse("99999999999999999999", "8", {"offset", "not a number"});
}

TEST_F(ExternalDataTest, PlacesOutsideTheFolder) {
  TemporaryFolder elsewhere;
  write_bytes(elsewhere.file("secret.bin"), raw<float>({1, 2}));
  std::filesystem::create_symlink(elsewhere.file("secret.bin"), folder_.file("link.bin"));
  std::filesystem::create_directory_symlink(elsewhere.path(), folder_.file("link"));
  expect_invalid(model_at(elsewhere.file("secret.bin")), {"initializer w", "absolute path"}, folder_.path());
  expect_invalid(model_at("../secret.bin"), {"initializer w", "outside the model's folder"}, folder_.path());
  expect_invalid(model_at("sub/../../secret.bin"), {"outside the model's folder"}, folder_.path());
  expect_invalid(model_at("link.bin"), {"initializer w", "link that leaves"}, folder_.path());
  expect_invalid(model_at("link/secret.bin"), {"link that leaves"}, folder_.path());
  expect_invalid(model_at(""), {"without a usable location"}, folder_.path());
  expect_invalid(model_at("missing.bin"), {"missing.bin", "cannot be opened"}, folder_.path());
  expect_invalid(model_at("weights.bin"), {"the model is not a file"});
  expect_error(ErrorKind::invalid, {"is a folder"}, [&] { (void)parse(model_at("sub"), folder_.path()); });
}

TEST_F(ExternalDataTest, LinksInsideTheFolderAreFollowed) {
  std::filesystem::create_symlink("weights.bin", folder_.file("alias.bin"));
  EXPECT_EQ(read(model_at("alias.bin", "0", "8")), (std::vector{1.0F, 2.0F}));
}

}  // namespace
}  // namespace tessera::formats_testing
