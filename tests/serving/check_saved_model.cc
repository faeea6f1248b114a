// Asks a SavedModel for recorded answers, through the loader that TensorFlow Serving calls.
//
//     check_saved_model DIRECTORY SIGNATURE EXAMPLE
//
// EXAMPLE is a folder with a serialized TensorProto in `inputs/NAME` and `outputs/NAME` for every
// input and output. Prints the largest difference of a number; a string that differs ends it.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor.pb.h"

using tensorflow::Tensor;

[[noreturn]] void Fail(const std::string& reason) {
  std::cerr << reason << "\n";
  std::exit(1);
}

void Check(const absl::Status& status) {
  if (!status.ok()) Fail(status.ToString());
}

std::map<std::string, Tensor> Read(const std::filesystem::path& folder) {
  std::map<std::string, Tensor> tensors;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    tensorflow::TensorProto proto;
    Tensor tensor;
    if (!proto.ParseFromIstream(&file) || !tensor.FromProto(proto)) Fail(entry.path());
    tensors[entry.path().filename()] = tensor;
  }
  return tensors;
}

double Difference(const Tensor& served, const Tensor& expected) {
  if (served.dtype() != expected.dtype() || served.shape() != expected.shape()) {
    Fail("got " + served.DebugString() + ", expected " + expected.DebugString());
  }
  double largest = 0;
  for (int64_t i = 0; i < expected.NumElements(); ++i) {
    if (expected.dtype() == tensorflow::DT_STRING) {
      using tensorflow::tstring;
      if (served.flat<tstring>()(i) != expected.flat<tstring>()(i)) Fail("another string");
    } else {
      double apart = std::abs(served.flat<float>()(i) - expected.flat<float>()(i));
      if (std::isnan(apart)) Fail("not a number");
      largest = std::max(largest, apart);
    }
  }
  return largest;
}

int main(int count, char** arguments) {
  if (count != 4) Fail("usage: check_saved_model DIRECTORY SIGNATURE EXAMPLE");
  const std::filesystem::path example = arguments[3];
  tensorflow::SavedModelBundle bundle;
  Check(tensorflow::LoadSavedModel({}, {}, arguments[1], {"serve"}, &bundle));
  const auto& signature = bundle.GetSignatures().at(arguments[2]);

  std::vector<std::pair<std::string, Tensor>> inputs;
  for (const auto& [name, tensor] : Read(example / "inputs")) {
    inputs.emplace_back(signature.inputs().at(name).name(), tensor);
  }
  double largest = 0;
  for (const auto& [name, expected] : Read(example / "outputs")) {
    std::vector<Tensor> served;
    Check(bundle.GetSession()->Run(inputs, {signature.outputs().at(name).name()}, {}, &served));
    largest = std::max(largest, Difference(served[0], expected));
  }
  std::cout << largest << "\n";
}
