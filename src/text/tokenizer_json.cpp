#include "text/tokenizer_json.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "text/character_map.hpp"

namespace tessera {
namespace {

constexpr const char* check = "check the file";

template <typename Part, typename Parse>
std::vector<std::unique_ptr<Part>> parse_all(const std::vector<JsonObject>& list, Parse parse) {
  std::vector<std::unique_ptr<Part>> parts;
  parts.reserve(list.size());
  for (const JsonObject& entry : list) parts.push_back(parse(entry));
  return parts;
}

std::unique_ptr<Normalizer> parse_bert_normalizer(const JsonObject& json) {
  auto bert = std::make_unique<BertNormalizer>();
  bert->clean = json.flag("clean_text", true);
  bert->split_chinese = json.flag("handle_chinese_chars", true);
  bert->lower = json.flag("lowercase", true);
  bert->strip_accents = json.flag("strip_accents", bert->lower);
  return bert;
}

Delimiter delimiter_of(const JsonObject& json, const char* missing) {
  using Named = std::pair<std::string_view, Delimiter>;
  static constexpr std::array names{Named{"Removed", Delimiter::removed}, Named{"Isolated", Delimiter::isolated},
                                    Named{"Contiguous", Delimiter::contiguous},
                                    Named{"MergedWithPrevious", Delimiter::merged_with_previous},
                                    Named{"MergedWithNext", Delimiter::merged_with_next}};
  const std::string word = json.text("behavior", missing);
  for (const auto& [name, delimiter] : names)
    if (word == name) return delimiter;
  json.reject_entry("behavior", "is " + word + ", which is not known", check);
}

std::unique_ptr<PreTokenizer> parse_metaspace(const JsonObject& json) {
  using Prefix = Metaspace::Prefix;
  auto metaspace = std::make_unique<Metaspace>();
  metaspace->replacement = json.text("replacement", metaspace->replacement);
  metaspace->split_words = json.flag("split", true);
  // Older files have a flag where newer ones have three ways.
  const std::string scheme = json.text("prepend_scheme", json.flag("add_prefix_space", true) ? "always" : "never");
  if (scheme != "always" && scheme != "never" && scheme != "first")
    json.reject_entry("prepend_scheme", "is " + scheme + ", which is not known", check);
  metaspace->prefix = scheme == "always" ? Prefix::always : scheme == "first" ? Prefix::first : Prefix::never;
  return metaspace;
}

/// A special token of a template, which may stand for several ids.
void append_token(const JsonObject& json, const std::string& name, std::int64_t type,
                  std::vector<TemplatePart>& parts) {
  const JsonObject known = json.object("special_tokens");
  if (!known.has(name.c_str())) json.reject_entry("special_tokens", "does not say what " + name + " is", check);
  const JsonObject entry = known.object(name.c_str());
  for (const JsonValue& id : entry.list("ids", check)) {
    const auto number = id.integer();
    if (!number || *number < 0) entry.reject_entry("ids", "holds something that is no token id", check);
    parts.push_back({TemplatePart::Kind::token, *number, type});
  }
}

std::vector<TemplatePart> parse_template_parts(const JsonObject& json, const char* key) {
  std::vector<TemplatePart> parts;
  for (const JsonObject& part : json.objects(key)) {
    const bool sequence = part.has("Sequence");
    const JsonObject entry = part.object(sequence ? "Sequence" : "SpecialToken");
    const std::int64_t type = entry.token("type_id", 0);
    const std::string id = entry.text("id");
    if (sequence) {
      parts.push_back({id == "B" ? TemplatePart::Kind::second : TemplatePart::Kind::first, 0, type});
    } else {
      append_token(json, id, type, parts);
    }
  }
  return parts;
}

/// ["[SEP]", 102]
TemplatePart token_of(const JsonObject& json, const char* key, std::int64_t type) {
  const JsonValue* const entry = json.find(key);
  const bool pair = entry != nullptr && entry->is_array() && entry->elements().size() == 2;
  const auto id = pair ? entry->at(1).integer() : std::nullopt;
  if (!id || *id < 0) json.reject_entry(key, "is not a token and its id", check);
  return {TemplatePart::Kind::token, *id, type};
}

TokenTemplate bert_template(const JsonObject& json) {
  using Kind = TemplatePart::Kind;
  const TemplatePart first = token_of(json, "cls", 0), end = token_of(json, "sep", 0),
                     end_of_pair{Kind::token, end.id, 1};
  return {{first, {Kind::first, 0, 0}, end}, {first, {Kind::first, 0, 0}, end, {Kind::second, 0, 1}, end_of_pair}};
}

/// Two end tokens between the texts, all of one type.
TokenTemplate roberta_template(const JsonObject& json) {
  using Kind = TemplatePart::Kind;
  const TemplatePart first = token_of(json, "cls", 0), end = token_of(json, "sep", 0);
  return {{first, {Kind::first, 0, 0}, end}, {first, {Kind::first, 0, 0}, end, end, {Kind::second, 0, 0}, end}};
}

}  // namespace

void reject_part(const JsonObject& json, const char* part) {
  reject(json.path(), std::string(part) + " " + json.text("type", "without a type") + " is not known here",
         "give token ids, or report what model this is");
}

Pattern parse_pattern(const JsonObject& json, const char* key) {
  const JsonValue* const entry = json.find(key);
  if (entry != nullptr && entry->is_string()) return Pattern::text(entry->string());
  const JsonObject pattern = json.object(key);
  return pattern.has("Regex") ? Pattern::expression(pattern.text("Regex"), json.path())
                              : Pattern::text(pattern.text("String"));
}

std::unique_ptr<Normalizer> parse_normalizer(const JsonObject& json) {
  const std::string type = json.text("type");
  if (type == "Sequence")
    return std::make_unique<NormalizerSequence>(parse_all<Normalizer>(json.objects("normalizers"), parse_normalizer));
  if (type == "BertNormalizer") return parse_bert_normalizer(json);
  if (type == "NFC") return std::make_unique<FormNormalizer>(UnicodeForm::nfc);
  if (type == "NFD") return std::make_unique<FormNormalizer>(UnicodeForm::nfd);
  if (type == "NFKC") return std::make_unique<FormNormalizer>(UnicodeForm::nfkc);
  if (type == "NFKD") return std::make_unique<FormNormalizer>(UnicodeForm::nfkd);
  if (type == "Lowercase") return std::make_unique<LowerCaseNormalizer>();
  if (type == "StripAccents") return std::make_unique<StripMarksNormalizer>();
  if (type == "Nmt") return std::make_unique<NmtNormalizer>();
  if (type == "Prepend") return std::make_unique<PrependNormalizer>(json.text("prepend"));
  if (type == "Replace")
    return std::make_unique<ReplaceNormalizer>(parse_pattern(json, "pattern"), json.text("content"));
  if (type == "Precompiled")
    return std::make_unique<CharacterMap>(decode_base64(json.text("precompiled_charsmap"), json.path()), json.path());
  if (type == "Strip") {
    auto strip = std::make_unique<StripNormalizer>();
    strip->left = json.flag("strip_left", true);
    strip->right = json.flag("strip_right", true);
    return strip;
  }
  reject_part(json, "normalizer");
}

std::unique_ptr<PreTokenizer> parse_pre_tokenizer(const JsonObject& json) {
  const std::string type = json.text("type");
  if (type == "Sequence")
    return std::make_unique<PreTokenizerSequence>(
        parse_all<PreTokenizer>(json.objects("pretokenizers"), parse_pre_tokenizer));
  if (type == "BertPreTokenizer") return std::make_unique<BertPreTokenizer>();
  if (type == "WhitespaceSplit") return std::make_unique<WhitespaceSplit>();
  if (type == "Whitespace")
    return std::make_unique<PatternSplit>(Pattern::expression(R"(\w+|[^\w\s]+)", type), Delimiter::removed, true);
  if (type == "Punctuation") return std::make_unique<CharacterSplit>(is_punctuation, delimiter_of(json, "Isolated"));
  if (type == "Digits")
    return std::make_unique<CharacterSplit>(
        is_number, json.flag("individual_digits", false) ? Delimiter::isolated : Delimiter::contiguous);
  if (type == "Split")
    return std::make_unique<PatternSplit>(parse_pattern(json, "pattern"), delimiter_of(json, "Isolated"),
                                          json.flag("invert", false));
  if (type == "CharDelimiterSplit")
    return std::make_unique<PatternSplit>(parse_pattern(json, "delimiter"), Delimiter::removed, false);
  if (type == "ByteLevel")
    return std::make_unique<ByteLevel>(json.flag("add_prefix_space", true), json.flag("use_regex", true));
  if (type == "Metaspace") return parse_metaspace(json);
  reject_part(json, "pre-tokenizer");
}

TokenTemplate parse_template(const JsonObject& json) {
  const std::string type = json.text("type");
  if (type == "TemplateProcessing") return {parse_template_parts(json, "single"), parse_template_parts(json, "pair")};
  if (type == "BertProcessing") return bert_template(json);
  if (type == "RobertaProcessing") return roberta_template(json);
  if (type == "ByteLevel") return {};  // only about places in the text
  if (type == "Sequence") {
    for (const JsonObject& part : json.objects("processors"))
      if (part.text("type") != "ByteLevel") return parse_template(part);
    return {};
  }
  reject_part(json, "post-processor");
}

std::vector<AddedToken> parse_added_tokens(const JsonObject& tokenizer) {
  std::vector<AddedToken> tokens;
  for (const JsonObject& entry : tokenizer.objects("added_tokens")) {
    if (!entry.has("id")) entry.reject_entry("id", "of an added token is missing", check);
    tokens.push_back({entry.text("content"), entry.token("id", 0), entry.flag("single_word", false),
                      entry.flag("lstrip", false), entry.flag("rstrip", false), entry.flag("normalized", false)});
  }
  return tokens;
}

TokenizerParts parse_tokenizer(const JsonObject& json) {
  TokenizerParts parts;
  if (json.has("normalizer")) parts.normalizer = parse_normalizer(json.object("normalizer"));
  if (json.has("pre_tokenizer")) parts.pre_tokenizer = parse_pre_tokenizer(json.object("pre_tokenizer"));
  parts.model = parse_token_model(json.object("model"));
  if (json.has("post_processor")) parts.surroundings = parse_template(json.object("post_processor"));
  parts.added = parse_added_tokens(json);
  return parts;
}

}  // namespace tessera
