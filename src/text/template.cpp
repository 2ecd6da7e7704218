#include "text/template.hpp"

#include <algorithm>

namespace tessera {
namespace {

using Ids = std::vector<std::int64_t>;

std::size_t tokens_of(const std::vector<TemplatePart>& parts) {
  return static_cast<std::size_t>(
      std::ranges::count(parts, TemplatePart::Kind::token, [](const TemplatePart& part) { return part.kind; }));
}

Encoding filled(const std::vector<TemplatePart>& parts, const Ids& first, const Ids& second) {
  Encoding encoding;
  for (const TemplatePart& part : parts) {
    const Ids token{part.id};
    const Ids& ids = part.kind == TemplatePart::Kind::token   ? token
                     : part.kind == TemplatePart::Kind::first ? first
                                                              : second;
    encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
    encoding.types.resize(encoding.ids.size(), part.type);
  }
  return encoding;
}

}  // namespace

std::size_t TokenTemplate::added() const {
  return tokens_of(single_);
}

std::size_t TokenTemplate::added_to_pair() const {
  return tokens_of(pair_);
}

Encoding TokenTemplate::around(const Ids& text) const {
  return filled(single_, text, {});
}

Encoding TokenTemplate::around(const Ids& first, const Ids& second) const {
  return filled(pair_, first, second);
}

}  // namespace tessera
