// JsonValue: what parsers make of text and CBOR, what readers may ask of it, and what writers make of it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/json_file.hpp"
#include "formats/json_object.hpp"
#include "formats/json_parser.hpp"
#include "formats/json_writer.hpp"
#include "unit/formats/support.hpp"

namespace tessera::formats_testing {
namespace {

using Nlohmann = nlohmann::json;

constexpr auto least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
constexpr auto all_bits = std::numeric_limits<std::uint64_t>::max();

JsonValue cbor(std::string_view bytes) {
  return parse_cbor(std::as_bytes(std::span(bytes)));
}

template <typename Action>
std::string refusal_of(Action action) {
  try {
    static_cast<void>(action());
  } catch (const JsonError& error) {
    return error.what();
  }
  return "";
}

template <typename Action>
void refuse(Action action, const std::string& part) {
  const std::string why = refusal_of(action);
  EXPECT_NE(why.find(part), std::string::npos) << "\"" << why << "\" lacks \"" << part << "\"";
}

/// Where nlohmann's document and ours say the same, so does what both write.
Nlohmann nlohmann_of(const JsonValue& value) {
  return value.visit([]<typename T>(const T& held) -> Nlohmann {
    if constexpr (std::is_same_v<T, std::monostate>) {
      return nullptr;
    } else if constexpr (std::is_same_v<T, JsonValue::Array>) {
      Nlohmann list = Nlohmann::array();
      for (const JsonValue& element : held) list.push_back(nlohmann_of(element));
      return list;
    } else if constexpr (std::is_same_v<T, JsonValue::Object>) {
      Nlohmann object = Nlohmann::object();
      for (const auto& [key, member] : held) object[key] = nlohmann_of(member);
      return object;
    } else {
      return held;
    }
  });
}

std::string nested(std::size_t depth, char begin, char end) {
  return std::string(depth, begin) + std::string(depth, end);
}

TEST(Json, EveryKind) {
  const JsonValue json = parse_json(R"( {"null": null, "yes": true, "no": false, "text": "a\u00e4\ud83d\ude00\n",
      "list": [1, "two", [], {}], "object": {"b": 1, "a": 2}, "real": -1.5e3} )");
  ASSERT_TRUE(json.is_object());
  EXPECT_TRUE(json.at("null").is_null());
  EXPECT_TRUE(json.at("yes").get<bool>());
  EXPECT_FALSE(json.at("no").get<bool>());
  EXPECT_EQ(json.at("text").string(), "a\xc3\xa4\xf0\x9f\x98\x80\n");
  EXPECT_EQ(json.at("real").get<double>(), -1500);
  ASSERT_EQ(json.at("list").elements().size(), 4U);
  EXPECT_EQ(json.at("list").at(0).get<int>(), 1);
  EXPECT_EQ(json.at("list").at(1).get<std::string>(), "two");
  EXPECT_TRUE(json.at("list").at(2).is_array() && json.at("list").at(2).elements().empty());
  EXPECT_TRUE(json.at("list").at(3).is_object() && json.at("list").at(3).members().empty());
  EXPECT_EQ(json.at("object").members()[0].key, "a");  // by key, not as written
  EXPECT_EQ(json.at("object").members()[1].key, "b");
  for (const char* scalar : {"null", "true", "0", "\"\""}) EXPECT_NO_THROW(static_cast<void>(parse_json(scalar)));
}

TEST(Json, Numbers) {
  EXPECT_EQ(parse_json("9223372036854775807").get<std::int64_t>(), most);
  EXPECT_EQ(parse_json("-9223372036854775808").get<std::int64_t>(), least);
  EXPECT_EQ(parse_json("18446744073709551615").get<std::uint64_t>(), all_bits);
  // One more is a float, as is everything with a point or an exponent.
  for (const char* real : {"18446744073709551616", "-9223372036854775809", "1.0", "1e2", "-0.0"}) {
    EXPECT_TRUE(parse_json(real).is_number()) << real;
    EXPECT_FALSE(parse_json(real).is_integer()) << real;
    EXPECT_EQ(parse_json(real).integer(), std::nullopt) << real;
  }
  EXPECT_EQ(parse_json("18446744073709551616").get<double>(), 0x1p64);
  EXPECT_EQ(parse_json("18446744073709551615").get<double>(), 0x1p64);
  EXPECT_EQ(parse_json("-3").get<float>(), -3);
  EXPECT_EQ(parse_json("-0").integer(), 0);
  for (const char* none : {"1e999", "-1e999", "01", "+1", ".5", "1.", "0x10", "NaN", "Infinity", "-", "1e"})
    EXPECT_NE(refusal_of([&] { return parse_json(none); }), "") << none;
}

TEST(Json, NumbersThatDoNotFit) {
  EXPECT_EQ(parse_json("9223372036854775808").integer(), std::nullopt);
  EXPECT_EQ(parse_json("9223372036854775808").integer<std::uint64_t>(), 1ULL << 63);
  EXPECT_EQ(parse_json("-1").integer<std::size_t>(), std::nullopt);
  EXPECT_EQ(parse_json("2147483647").get<int>(), 2147483647);
  refuse([] { return parse_json("2147483648").get<int>(); }, "a number of that size");
  refuse([] { return parse_json("-1").get<std::size_t>(); }, "a number of that size");
  refuse([] { return parse_json("18446744073709551615").get<std::int64_t>(); }, "a number of that size");
  refuse([] { return parse_json("1.0").get<int>(); }, "must be integer, but is number");
}

TEST(Json, OtherKindsAreRefused) {
  const JsonValue list = parse_json("[1, 2]"), object = parse_json(R"({"a": 1})"), text = parse_json("\"a\"");
  refuse([&] { return text.get<double>(); }, "must be number, but is string");
  refuse([&] { return text.get<bool>(); }, "must be boolean, but is string");
  refuse([&] { return parse_json("true").get<int>(); }, "must be integer, but is boolean");
  refuse([&] { return parse_json("1").get<bool>(); }, "must be boolean, but is number");
  refuse([&] { return list.string(); }, "must be string, but is array");
  refuse([&] { return object.elements(); }, "must be array, but is object");
  refuse([&] { return JsonValue().members(); }, "must be object, but is null");
  refuse([&] { return list.at(2); }, "array index 2 is out of range");
  refuse([&] { return object.at("b"); }, "key 'b' not found");
  refuse([&] { return list.at("b"); }, "must be object, but is array");
  refuse([&] { return parse_json("[1, \"two\"]").get<std::vector<int>>(); }, "must be integer, but is string");
  EXPECT_EQ(list.get<std::vector<float>>(), (std::vector<float>{1, 2}));
  EXPECT_EQ(list.find("a"), nullptr);
  EXPECT_EQ(object.find("b"), nullptr);
  EXPECT_EQ(object.find("a")->get<int>(), 1);
}

TEST(Json, OfTwoMembersWithOneKeyTheLastCounts) {
  for (const char* text : {R"({"b": 0, "a": 1, "a": 2, "c": 3, "a": 4})", R"({"a": 1, "a": 4, "b": 0, "c": 3})"}) {
    const JsonValue json = parse_json(text);
    ASSERT_EQ(json.members().size(), 3U);
    EXPECT_EQ(json.at("a").get<int>(), 4);
    EXPECT_EQ(json.at("c").get<int>(), 3);
  }
  EXPECT_EQ(cbor("\xa2\x61\x61\x01\x61\x61\x02").at("a").get<int>(), 2);
}

TEST(Json, ManyMembersAreFound) {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) text += "\"key " + std::to_string(i * 7919 % 5000) + "\":" + std::to_string(i) + ",";
  text.back() = '}';
  const JsonValue json = parse_json(text);
  EXPECT_EQ(json.members().size(), 5000U);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(json.at("key " + std::to_string(i * 7919 % 5000)).get<int>(), i);
  EXPECT_EQ(json.find("key 5000"), nullptr);
  EXPECT_EQ(json.find(""), nullptr);
}

TEST(Json, KeysAreOrderedByTheirBytes) {
  const JsonValue json = parse_json(R"({"ä": 1, "z": 2, "": 3, "a\u0000b": 4, "a": 5})");
  EXPECT_EQ(json.at("ä").get<int>(), 1);
  EXPECT_EQ(json.at(std::string_view("a\0b", 3)).get<int>(), 4);
  EXPECT_EQ(json.members().front().key, "");
  EXPECT_EQ(json.members().back().key, "ä");
}

TEST(Json, DepthIsLimited) {
  for (const auto& [begin, end] : {std::pair{'[', ']'}}) {
    EXPECT_NO_THROW(static_cast<void>(parse_json(nested(max_json_depth, begin, end))));
    EXPECT_THROW(static_cast<void>(parse_json(nested(max_json_depth + 1, begin, end))), JsonTooDeep);
    EXPECT_THROW(static_cast<void>(parse_json(std::string(1'000'000, begin))), JsonTooDeep);
  }
  std::string objects;
  for (std::size_t i = 0; i <= max_json_depth; ++i) objects += "{\"a\":";
  EXPECT_THROW(static_cast<void>(parse_json(objects)), JsonTooDeep);
  const std::string lists(1'000'000, '\x81'), endless(1'000'000, '\x9f');
  EXPECT_THROW(static_cast<void>(cbor(lists)), JsonTooDeep);
  EXPECT_THROW(static_cast<void>(cbor(endless)), JsonTooDeep);
  EXPECT_NO_THROW(static_cast<void>(cbor(lists.substr(0, max_json_depth) + '\x01')));
  expect_error(ErrorKind::invalid, {"deep.json", "nests deeper than 256 levels"},
               [] { static_cast<void>(parse_json(nested(257, '[', ']'), "deep.json")); });
}

TEST(Json, TextThatIsNone) {
  for (const char* none : {"", " ", "{", "[1,", "[1,]", "{\"a\" 1}", "{\"a\":}", "{a: 1}", "'a'", "\"a", "nul", "1 2",
                           "[] []", "// a\n1", "\"\\x\"", "\"\\ud800\"", "\"\n\"", "]"}) {
    EXPECT_NE(refusal_of([&] { return parse_json(none); }), "") << none;
    expect_error(ErrorKind::invalid, {"a.json: is not valid JSON"},
                 [&] { static_cast<void>(parse_json(none, "a.json")); });
  }
  EXPECT_EQ(parse_json("\xef\xbb\xbf[]").elements().size(), 0U);  // behind a byte order mark
}

TEST(Json, TextThatIsNotUtf8) {
  for (const char* bytes :
       {"\"\xff\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"", "{\"\xff\": 1}"})
    EXPECT_NE(refusal_of([&] { return parse_json(bytes); }).find("UTF-8"), std::string::npos) << bytes;
}

TEST(Json, EveryPrefixOfATextIsRefused) {
  const std::string text = R"({"a": [1, -2.5, "x\u00e4", null, true, {"b": []}]})";
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_NE(refusal_of([&] { return parse_json(text.substr(0, length)); }), "") << length;
}

TEST(Json, CborOfEveryKind) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(cbor("\xf6").is_null());
  EXPECT_TRUE(cbor("\xf5").get<bool>());
  EXPECT_EQ(cbor("\x1b\xff\xff\xff\xff\xff\xff\xff\xff").get<std::uint64_t>(), all_bits);
  EXPECT_EQ(cbor("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff").get<std::int64_t>(), least);
  EXPECT_EQ(cbor("\xf9\x3e\x00"sv).get<double>(), 1.5);
  EXPECT_EQ(cbor("\xfa\x3f\xc0\x00\x00"sv).get<double>(), 1.5);
  EXPECT_EQ(cbor("\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"sv).get<double>(), 1.5);
  EXPECT_TRUE(std::isinf(cbor("\xf9\x7c\x00"sv).get<double>()));
  EXPECT_TRUE(std::isnan(cbor("\xf9\x7e\x00"sv).get<double>()));
  EXPECT_EQ(cbor("\x61\x61").string(), "a");
  EXPECT_EQ(cbor("\x82\x01\x20").get<std::vector<int>>(), (std::vector<int>{1, -1}));
  EXPECT_EQ(cbor("\x9f\x01\x02\xff").get<std::vector<int>>(), (std::vector<int>{1, 2}));
  EXPECT_EQ(cbor("\x7f\x61\x61\x61\x62\xff").string(), "ab");
  EXPECT_EQ(cbor("\xbf\x61\x62\x01\x61\x61\x02\xff").at("a").get<int>(), 2);
}

TEST(Json, CborThatIsNone) {
  using namespace std::string_view_literals;
  refuse([] { return cbor("\x41\x00"sv); }, "strings of bytes");
  refuse([] { return cbor("\x81\x5f\x41\x00\xff"sv); }, "strings of bytes");
  for (const std::string_view none :
       {""sv, "\xc0\x61\x61"sv, "\xa1\x01\x01"sv, "\x01\x01"sv, "\xff"sv, "\x1c"sv, "\xf8\x18"sv,
        // lengths that the bytes do not reach
        "\x62\x61"sv, "\x9a\xff\xff\xff\xff\x01"sv, "\xbb\xff\xff\xff\xff\xff\xff\xff\xfe"sv,
        "\x7b\x7f\xff\xff\xff\xff\xff\xff\xff"sv})
    EXPECT_NE(refusal_of([&] { return cbor(none); }), "")
        << Nlohmann(std::vector<unsigned char>(none.begin(), none.end()));
}

JsonValue every_kind() {
  JsonValue::Array numbers;
  for (const std::int64_t number : {0L, 1L, 23L, 24L, 255L, 256L, 65535L, 65536L, 4294967295L, 4294967296L, most})
    for (const std::int64_t sign : {1L, -1L}) numbers.emplace_back(sign * number);
  numbers.emplace_back(least);
  numbers.emplace_back(all_bits);
  for (const double number : {0.0, -0.0, 1.0, 0.1, -2.5, 1e300, 3.5e38, 5e-324, static_cast<double>(0.1F), 16777217.0})
    numbers.emplace_back(number);
  JsonValue::Array texts;
  for (const std::size_t length : {0U, 1U, 23U, 24U, 255U, 256U, 65536U}) texts.emplace_back(std::string(length, 'x'));
  texts.emplace_back(std::string("quoted \" \\ \n\t\x01 \xc3\xa4"));
  JsonValue::Object members;
  for (int i = 0; i < 300; ++i) members.push_back({"key " + std::to_string(i), i});
  return JsonValue::Object{{"numbers", std::move(numbers)},
                           {"texts", std::move(texts)},
                           {"members", std::move(members)},
                           {"long list", JsonValue(std::vector<int>(70000, 7))},
                           {"flags", JsonValue::Array{true, false, {}}},
                           {"empty", JsonValue::Array{JsonValue::Array(), JsonValue::Object()}}};
}

TEST(Json, CborIsWrittenAsNlohmannWritesIt) {
  const JsonValue value = every_kind();
  const std::vector<std::byte> bytes = to_cbor(value);
  const std::vector<std::uint8_t> expected = Nlohmann::to_cbor(nlohmann_of(value));
  ASSERT_EQ(bytes.size(), expected.size());
  EXPECT_EQ(std::memcmp(bytes.data(), expected.data(), bytes.size()), 0);
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double number : {infinity, -infinity, std::nan("")}) {
    const auto written = to_cbor(number);
    EXPECT_EQ(written.size(), 3U);
    const auto other = Nlohmann::to_cbor(Nlohmann(number));
    EXPECT_EQ(std::memcmp(written.data(), other.data(), 3), 0) << number;
  }
}

TEST(Json, WhatIsWrittenIsReadBack) {
  const JsonValue value = every_kind();
  EXPECT_EQ(nlohmann_of(parse_cbor(to_cbor(value))), nlohmann_of(value));
  EXPECT_EQ(nlohmann_of(parse_json(to_json(value))), nlohmann_of(value));
  EXPECT_EQ(to_json(value), nlohmann_of(value).dump(1));
  EXPECT_EQ(to_json(std::string("a\xff")), "\"a\xef\xbf\xbd\"");  // what is not UTF-8 is replaced
}

TEST(Json, ACopyStandsOnItsOwn) {
  JsonValue value = every_kind();
  const JsonValue copy = value;
  value = JsonValue();
  EXPECT_TRUE(value.is_null());
  value = copy;
  EXPECT_EQ(nlohmann_of(copy), nlohmann_of(value));
  JsonValue inner = parse_json("[[1, 2], 3]");
  inner = JsonValue(inner.at(0));  // of a part of itself
  EXPECT_EQ(inner.get<std::vector<int>>(), (std::vector<int>{1, 2}));
}

TEST(Json, FilesAndTheirEntries) {
  const TemporaryFolder folder;
  write_bytes(folder.file("a.json"),
              R"({"n": null, "t": "x", "i": 3, "big": 18446744073709551615, "l": [{"i": 1}], "f": 2.5})");
  const JsonObject json(folder.file("a.json"));
  EXPECT_FALSE(json.has("n") || json.has("absent"));
  EXPECT_EQ(json.text("n", "missing"), "missing");
  EXPECT_EQ(json.text("t"), "x");
  EXPECT_EQ(json.count("i"), 3);
  EXPECT_EQ(json.number("big", 0), 0x1p64);
  EXPECT_EQ(json.objects("l")[0].count("i"), 1);
  EXPECT_EQ(json.list("l", "").size(), 1U);
  for (const char* key : {"big", "f", "t"})
    expect_error(ErrorKind::invalid, {"a.json", key, "is not a number from 1"},
                 [&] { static_cast<void>(json.count(key)); });
  expect_error(ErrorKind::invalid, {"a.json", "\"t\" is no list: do this"},
               [&] { static_cast<void>(json.list("t", "do this")); });
  expect_error(ErrorKind::invalid, {"a.json", "\"i\" is not an object"}, [&] { static_cast<void>(json.object("i")); });
  EXPECT_FALSE(JsonObject::if_there(folder.file("absent.json")).has("a"));
  expect_error(ErrorKind::invalid, {"absent.json"}, [&] { static_cast<void>(read_json(folder.file("absent.json"))); });
}

}  // namespace
}  // namespace tessera::formats_testing
