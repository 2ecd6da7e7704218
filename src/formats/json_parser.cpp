#include "formats/json_parser.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace tessera {
namespace {

using Nlohmann = nlohmann::json;

/// Puts together what nlohmann's parser finds. Its functions answer whether to go on.
class JsonBuilder {
 public:
  bool null() { return add({}); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& /*text*/) { return add(value); }
  bool string(const std::string& value) { return add(value); }
  bool binary(const Nlohmann::binary_t& /*bytes*/) { throw JsonError("strings of bytes are not known here"); }

  bool start_array(std::size_t /*elements*/) { return open(false); }
  bool start_object(std::size_t /*members*/) { return open(true); }
  bool key(const std::string& name) {
    open_.back().key = name;
    return true;
  }
  bool end_array() {
    JsonValue done(std::move(open_.back().elements));
    open_.pop_back();
    return add(std::move(done));
  }
  bool end_object() {
    JsonValue done(std::move(open_.back().members));
    open_.pop_back();
    return add(std::move(done));
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const Nlohmann::exception& error) {
    throw JsonError(error.what());
  }

  JsonValue root;

 private:
  /// An array or an object whose end has not come.
  struct Open {
    bool object = false;
    JsonValue::Array elements;
    JsonValue::Object members;
    std::string key;  ///< of the member that comes
  };

  bool open(bool object) {
    if (open_.size() == max_json_depth) throw JsonTooDeep();
    open_.push_back({.object = object, .elements = {}, .members = {}, .key = {}});
    return true;
  }

  bool add(JsonValue value) {
    if (open_.empty())
      root = std::move(value);
    else if (Open& parent = open_.back(); parent.object)
      parent.members.push_back({std::move(parent.key), std::move(value)});
    else
      parent.elements.push_back(std::move(value));
    return true;
  }

  std::vector<Open> open_;
};

JsonValue read_value(const char* first, std::size_t length, Nlohmann::input_format_t format) {
  JsonBuilder builder;
  if (!Nlohmann::sax_parse(first, first + length, &builder, format)) throw JsonError("does not end");
  return std::move(builder.root);
}

}  // namespace

JsonTooDeep::JsonTooDeep() : JsonError("nests deeper than " + std::to_string(max_json_depth) + " levels") {}

JsonValue parse_json(std::string_view text) {
  return read_value(text.data(), text.size(), Nlohmann::input_format_t::json);
}

JsonValue parse_cbor(std::span<const std::byte> bytes) {
  return read_value(reinterpret_cast<const char*>(bytes.data()), bytes.size(), Nlohmann::input_format_t::cbor);
}

}  // namespace tessera
