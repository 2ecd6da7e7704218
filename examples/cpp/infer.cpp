// Runs a model in FP32 and BF16 side by side, on random inputs, and says how far apart they are.
//
//     c++ -std=c++20 infer.cpp $(pkg-config --cflags --libs tessera) -o infer && ./infer model.onnx
#include <cmath>
#include <iostream>
#include <tessera/tessera.hpp>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: infer MODEL\n";
    return 2;
  }
  try {
    const auto model = tessera::Model::load(argv[1]);
    const auto inputs = model.random_inputs({{"batch", 2}}, 42);
    auto fp32 = model.compile({.precision = tessera::Precision::fp32});
    auto bf16 = model.compile({.precision = tessera::Precision::bf16});
    const auto exact = fp32.run(inputs), rounded = bf16.run(inputs);
    std::cout << "tessera " << tessera::version << ", " << tessera::name_of(fp32.isa()) << "\n";
    for (const auto& [name, tensor] : exact) {
      const auto a = tensor.as<float>(), b = rounded.at(name).as<float>();
      double largest = 0;
      for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
      std::cout << name << " " << to_string(tensor.shape()) << ": BF16 is off by at most " << largest << "\n";
    }
  } catch (const tessera::Error& error) {
    std::cerr << "infer: " << error.what() << "\n";
    return static_cast<int>(error.kind());
  }
}
