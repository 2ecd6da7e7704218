// The report of `tessera compare` from a program of one's own, on real data, and a model quantized with the same data.
//
//     add_executable(compare compare.cpp)
//     target_link_libraries(compare PRIVATE tessera::compare)
#include <iostream>
#include <tessera/compare.hpp>
#include <tessera/data.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: compare MODEL DATA\n";
    return 2;
  }
  try {
    const std::string path = argv[1], data = argv[2];
    const auto report = tessera::compare({path}, {.cases = {"fp32", "bf16", "int8"},
                                                  .warmup = 2,
                                                  .samples = 20,
                                                  .calibration = data,
                                                  .data = data,
                                                  .accuracy_inputs = 32});
    std::cout << report.text();

    const auto model = tessera::Model::load(path);
    tessera::QuantizeOptions options;
    options.sensitivity = false;  // the layers one by one: not asked for here
    tessera::QuantizationReport quantization;
    const auto items = tessera::read_items(data, model, path, {.most = 32});
    const auto quantized = model.quantize(items, options, &quantization);
    std::cout << "INT8 agrees with FP32 on " << quantization.agreement << " % of " << quantization.validation_items
              << " items\n";
  } catch (const tessera::Error& error) {
    std::cerr << "compare: " << error.what() << "\n";
    return static_cast<int>(error.kind());
  }
}
