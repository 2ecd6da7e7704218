// Files read while memory runs out: model folders, tokenizers, encoders, images, arrays and what stands beside them.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "allocation/allocation_failure.hpp"
#include "data/class_labels.hpp"
#include "data/image_preprocessing.hpp"
#include "data/open_dataset.hpp"
#include "engine/tuning_cache.hpp"
#include "formats/npy.hpp"
#include "formats/same_file.hpp"
#include "launch/throughput.hpp"
#include "tessera/encoder.hpp"
#include "text/read_texts.hpp"
#include "text/tokenizer.hpp"
#include "unit/data/image_files.hpp"
#include "unit/hub/support.hpp"

namespace tessera {
namespace {

using testing::Failing;

class FileAllocationFailure : public testing::AllocationFailure {
 protected:
  void put(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    formats_testing::write_bytes((folder_ / name).string(), bytes);
  }

  /// A BERT of 50 words, its configuration, its weights and its vocabulary.
  void put_bert(const std::string& folder) const {
    hub_testing::RecordedWeights weights;
    static_cast<void>(build_bert(hub_testing::tiny(), weights));
    put(folder + "/config.json",
        R"({"model_type": "bert", "architectures": ["BertModel"], )" + hub_testing::tiny_sizes + "}");
    hub_testing::write_safetensors((folder_ / folder / "model.safetensors").string(), weights.tensors);
    std::string words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\nrun\n";
    for (int i = 9; i < 50; ++i) words += "word" + std::to_string(i) + "\n";
    put(folder + "/vocab.txt", words);
    put(folder + "/tokenizer_config.json", R"({"do_lower_case": true, "model_max_length": 16})");
  }
};

class FolderAllocationFailure : public FileAllocationFailure {
 protected:
  void prepare() override {
    put_bert("bert");
    inputs_ = Model::load((folder_ / "bert").string()).random_inputs({{"batch", 2}, {"seq", 5}}, 3);
  }
  [[nodiscard]] std::string work() const override {
    Session session = Model::load((folder_ / "bert").string()).compile({.threads = 2});
    std::string results;
    append(results, session.run(inputs_));
    return results;
  }

  TensorMap inputs_;
};

TEST_F(FolderAllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(FolderAllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

/// One tokenizer of each kind, with parts that go through ICU.
class TokenizerAllocationFailure : public FileAllocationFailure {
 protected:
  void prepare() override {
    put_bert("words");
    put_bytes(R"({"type": "ByteLevel", "use_regex": false})");
    put("pieces/tokenizer.json", R"({"normalizer": {"type": "Sequence", "normalizers": [
          {"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAA="}, {"type": "NFKC"}, {"type": "Lowercase"},
          {"type": "Replace", "pattern": {"String": "  "}, "content": " "}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
        "model": {"type": "Unigram", "unk_id": 0,
          "vocab": [["?", 0], ["▁", -2], ["a", -2], ["b", -2], ["ab", -3], ["▁a", -2.5], ["ü", -4]]}})");
  }
  [[nodiscard]] std::string work() const override { return ids_of({"words", "bytes", "pieces"}); }

  void put_bytes(const std::string& pre_tokenizer) const {
    put("bytes/tokenizer.json", R"({"normalizer": {"type": "NFC"}, "pre_tokenizer": )" + pre_tokenizer + R"(,
        "added_tokens": [{"id": 8, "content": "<m>", "lstrip": true}],
        "post_processor": {"type": "TemplateProcessing", "special_tokens": {"<m>": {"ids": [8]}},
          "single": [{"SpecialToken": {"id": "<m>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": []},
        "model": {"type": "BPE", "vocab": {"a": 0, "Ġ": 1, "Ġa": 2, "Ċ": 3, "'": 4, "s": 5, "'s": 6, "Ã": 7, "¼": 9,
          "Ã¼": 10}, "merges": ["Ġ a", ["'", "s"], "Ã ¼"]}})");
  }

  [[nodiscard]] std::string ids_of(const std::vector<std::string>& folders) const {
    const std::string text =
        "Unaffable run, [MASK] a's  a1b2 A\xcc\x88 \xef\xac\x81 u\xcc\x88 " + std::string(300, 'a');
    std::string ids;
    for (const std::string& folder : folders) {
      const auto encoding = Tokenizer::read((folder_ / folder).string()).encode(text, 1000);
      for (const std::int64_t id : encoding->ids) ids += std::to_string(id) + " ";
    }
    return ids;
  }
};

TEST_F(TokenizerAllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(TokenizerAllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

/// A tokenizer with expressions, which ICU compiles. Where memory ends while it does so it crashes
/// (docs/reliability.md).
class ExpressionAllocationFailure : public TokenizerAllocationFailure {
 protected:
  void prepare() override {
    put_bytes(R"({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "\\p{N}"}, "behavior": "Isolated"}, {"type": "ByteLevel"}]})");
    testing::spare_icu(true);
  }
  void TearDown() override {
    testing::spare_icu(false);
    TokenizerAllocationFailure::TearDown();
  }
  [[nodiscard]] std::string work() const override { return ids_of({"bytes"}); }
};

TEST_F(ExpressionAllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(ExpressionAllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

/// As sentence-transformers lays it out.
class EncoderAllocationFailure : public FileAllocationFailure {
 protected:
  void prepare() override {
    put_bert("encoder");
    const std::string module = R"({"type": "sentence_transformers.models.)";
    put("encoder/modules.json", "[" + module + R"(Transformer", "path": ""}, )" + module +
                                    R"(Pooling", "path": "1_Pooling"}, )" + module + R"(Dense", "path": "2_Dense"}, )" +
                                    module + R"(Normalize", "path": "3_Normalize"}])");
    put("encoder/1_Pooling/config.json", R"({"pooling_mode": ["mean"]})");
    put("encoder/2_Dense/config.json", R"({"bias": false})");
    hub_testing::write_safetensors((folder_ / "encoder/2_Dense/model.safetensors").string(),
                                   {{"linear.weight", testing::random_tensor(Shape{4, 16}, 5)}});
  }
  [[nodiscard]] std::string work() const override {
    const Encoder encoder((folder_ / "encoder").string(), {.session = {.threads = 2}});
    std::string results;
    append(results, {{"embeddings", encoder.encode({"unaffable", "run run word9", "run"})}});
    return results;
  }
};

TEST_F(EncoderAllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(EncoderAllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

/// What stands beside models and data, and what is written to be read again.
class SmallFileAllocationFailure : public FileAllocationFailure {
 protected:
  void prepare() override {
    put("labels.json", R"({"ant": 7, "cat": 0})");
    put("config.json", R"({"id2label": {"0": "LABEL_A", "1": "LABEL_B"}})");
    put("preprocessor_config.json", R"({"size": {"height": 20, "width": 24}, "image_mean": [0.25, 0.5, 0.75]})");
    put("texts.jsonl", "\"a text\"\n{\"text\": \"another text, which is longer than a short string\"}\n");
  }
  [[nodiscard]] std::string work() const override {
    const auto path = [&](const char* name) { return (folder_ / name).string(); };
    std::string found;
    for (const auto& [name, index] : read_class_indices(path("labels.json"))) found += name + std::to_string(index);
    const auto classes = class_indices_of_config(path("config.json"));
    if (classes)
      for (const auto& [name, index] : *classes) found += name + std::to_string(index);
    const ImagePreprocessing image = read_image_preprocessing(path("preprocessor_config.json"));
    found += std::to_string(image.height) + " " + std::to_string(image.width) + " " + std::to_string(image.mean[2]);
    for (const std::string& text : read_texts(path("texts.jsonl"))) found += text;

    const std::array<std::string, 2> ways = {"direct", "winograd"};
    TuningCache written(path("tuning.json"));
    written.put("a layer", ways, std::array{0.5, 0.25});
    written.save();
    const TuningCache read(path("tuning.json"));
    // What cannot be read or written is a warning there.
    if (!written.warning().empty() || !read.warning().empty()) throw std::bad_alloc();
    for (const double seconds : read.find("a layer", ways)) found += std::to_string(seconds);

    write_throughput(path("throughput.json"), {{"a model", "int8@avx2", 12.5}});
    for (const ThroughputRow& row : read_throughput(path("throughput.json")))
      found += row.model + row.name + std::to_string(row.per_s);
    return found;
  }
};

TEST_F(SmallFileAllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(SmallFileAllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

/// Folders of images and of arrays, which are listed, decoded and inflated.
class DataAllocationFailure : public FileAllocationFailure {
 protected:
  void prepare() override {
    const std::vector<std::uint8_t> pixels(std::size_t{24} * 20 * 3, 77);
    put("images/a/1.png", data_testing::png_file(24, 20, 8, PNG_COLOR_TYPE_RGB, pixels));
    put("images/b/2.jpg", data_testing::jpeg_file(24, 20, pixels));
    put("images/b/3.jpg", data_testing::jpeg_file(24, 20, pixels, {.progressive = true}));
    put("images/notes.txt", "beside them");
    std::filesystem::create_directories(folder_ / "arrays");
    write_npy(testing::random_tensor(Shape{2, 3, 20, 20}, 7), (folder_ / "arrays/image.npy").string());
  }
  [[nodiscard]] std::string work() const override {
    const DatasetModel model{path_, {{"image", DataType::f32, {"batch", "3", "20", "20"}}}};
    std::string found;
    for (const char* name : {"images", "arrays"}) {
      const std::string data = (folder_ / name).string();
      const auto items = open_dataset(data, model);
      for (std::int64_t i = 0; i < items->size(); ++i) append(found, items->item(i));
    }
    refuse_to_overwrite(path_, std::array{(folder_ / "images").string()});
    return found;
  }
};

TEST_F(DataAllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(DataAllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

}  // namespace
}  // namespace tessera
