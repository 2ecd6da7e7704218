// Prints the definition of ONNX's messages as the installed library has them: it comes without the file it was made from.
#include <onnx/onnx_pb.h>

#include <iostream>

int main() {
  std::cout << onnx::ModelProto::descriptor()->file()->DebugString();
}
