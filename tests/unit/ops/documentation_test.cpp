// docs/operators.md is made from the table of ops. This test compares the two; with TESSERA_UPDATE_DOCS=1 in the
// environment it writes the page first.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "formats/onnx_reader.hpp"
#include "ops/op.hpp"
#include "unit/support/test_data.hpp"

namespace tessera {
namespace {

std::string inputs_of(const OpSchema& schema) {
  const std::string least = std::to_string(schema.min_inputs);
  if (schema.max_inputs < 0) return least + " or more";
  return schema.max_inputs == schema.min_inputs ? least : least + " to " + std::to_string(schema.max_inputs);
}

std::string attributes_of(const OpSchema& schema) {
  std::string text;
  for (const AttributeSpec& spec : schema.attributes) text += (text.empty() ? "" : ", ") + std::string(spec.name);
  return text;
}

std::string page() {
  std::ostringstream out;
  out << "# Operators\n\n"
         "Made from the table in `src/ops`: after a change of it run\n\n"
         "    TESSERA_UPDATE_DOCS=1 build/release/tests/tessera_tests --gtest_filter='OperatorsPage*'\n\n"
      << "Models of ONNX operator sets " << min_opset << " to " << max_opset
      << " are read. An operator is understood in each of its versions in that range; an\n"
         "attribute, element type or shape that is not supported is an error that names the node. Tensors of float16 "
         "and\n"
         "double are f32 to Tessera. The quantized operators of ONNX Runtime (`QLinearConv`, `QGemm` and their like) "
         "are read\n"
         "as DequantizeLinear, the float operator and QuantizeLinear.\n\n"
         "| Operator | Since operator set | Inputs | Attributes |\n|---|---|---|---|\n";
  for (const OpSchema& schema : all_ops())
    if (schema.since > 0)
      out << "| " << schema.name << " | " << schema.since << " | " << inputs_of(schema) << " | "
          << attributes_of(schema) << " |\n";
  return out.str();
}

TEST(OperatorsPage, IsUpToDate) {
  const std::string path = test_data("../../docs/operators.md");
  if (std::getenv("TESSERA_UPDATE_DOCS") != nullptr) std::ofstream(path) << page();
  std::ifstream in(path);
  std::ostringstream held;
  held << in.rdbuf();
  EXPECT_EQ(held.str(), page()) << "run this test with TESSERA_UPDATE_DOCS=1 to write docs/operators.md";
}

}  // namespace
}  // namespace tessera
