// vocab.txt and the keys of tokenizer_config.json that count beside it.
#include "text/vocab_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/try.h"
#include "base/utf8.h"

namespace crossrank::text {
namespace {

// The classes whose folders hold BERT's vocab.txt and nothing else.
constexpr std::array<std::string_view, 7> kClasses = {
    "Bert", "ConvBert", "DistilBert", "Electra", "MobileBert", "TokenizersBackend", "PreTrained"};

// The token names of transformers, in its order: that of the ids of tokens that the vocabulary
// lacks.
struct NamedToken {
  std::string_view key;
  std::string_view fallback;  // "" = none
};
constexpr std::array<NamedToken, 7> kNamedTokens = {{{"bos_token", ""},
                                                     {"eos_token", ""},
                                                     {"unk_token", "[UNK]"},
                                                     {"sep_token", "[SEP]"},
                                                     {"pad_token", "[PAD]"},
                                                     {"cls_token", "[CLS]"},
                                                     {"mask_token", "[MASK]"}}};

Result<void> check_class(const json::Reader& config) {
  const json::Reader key = config.member("tokenizer_class");
  if (key.is_null()) return {};
  CR_TRY_ASSIGN(std::string name, key.string());
  const std::string given = name;
  for (const std::string_view suffix : {"Fast", "Tokenizer"}) {
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  }
  if (std::find(kClasses.begin(), kClasses.end(), name) != kClasses.end()) return {};
  return unsupported(key, "the tokenizer class " + given);
}

// Lines as tokens, numbered from 0; white space at their ends does not count. A token on several
// lines has the number of the last.
Result<std::vector<VocabEntry>> read_vocab(const base::Blob& blob) {
  const std::string_view text = blob.bytes();
  if (const std::size_t valid = base::valid_utf8_prefix(text); valid != text.size()) {
    return Error{ErrorCode::kBadTokenizer,
                 blob.name() + ": invalid UTF-8 at byte " + std::to_string(valid) + "."};
  }
  std::vector<VocabEntry> vocab;
  std::unordered_map<std::string_view, std::size_t> seen;
  std::int32_t id = 0;
  for (std::size_t pos = 0; pos < text.size(); ++id) {
    if (id > kMaxTokenId) {
      return Error{ErrorCode::kBadTokenizer,
                   blob.name() + ": more than " + std::to_string(kMaxTokenId) + " lines."};
    }
    const std::size_t end = std::min(text.find('\n', pos), text.size());
    std::string_view token = text.substr(pos, end - pos);
    token = token.substr(0, trim_end(token, 0));
    pos = end + 1;
    const auto [place, added] = seen.emplace(token, vocab.size());
    if (added) {
      vocab.push_back({std::string(token), id});
    } else {
      vocab[place->second].id = id;
    }
  }
  return vocab;
}

// A string, or an object with the flags of an added token.
Result<AddedToken> read_token(const json::Reader& given, bool special) {
  AddedToken token;
  if (!given.value().is_object()) {
    CR_TRY_ASSIGN(token.content, given.string());
    return token;  // special tokens are not normalized
  }
  CR_TRY_ASSIGN(token.content, given.member("content").string());
  CR_TRY_ASSIGN(token.single_word, given.member("single_word").boolean_or(false));
  CR_TRY_ASSIGN(token.lstrip, given.member("lstrip").boolean_or(false));
  CR_TRY_ASSIGN(token.rstrip, given.member("rstrip").boolean_or(false));
  CR_TRY_ASSIGN(special, given.member("special").boolean_or(special));
  CR_TRY_ASSIGN(token.normalized, given.member("normalized").boolean_or(!special));
  return token;
}

// The tokens that transformers adds: added_tokens_decoder by id, then the named tokens, then the
// extra ones, each content once.
class TokensToAdd {
 public:
  Result<void> read_decoder(const json::Reader& decoder) {
    if (decoder.is_null()) return {};
    CR_TRY(decoder.expect_object());
    std::map<std::int32_t, AddedToken> by_id;
    for (const auto& [key, value] : decoder.value().get_ref<const json::Value::object_t&>()) {
      std::int32_t id = -1;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || end != key.data() + key.size() || id < 0) {
        return Error{ErrorCode::kBadTokenizer, decoder.file() + ": the keys of `" + decoder.path() +
                                                   "` must be token ids, not " + json::quote(key) +
                                                   "."};
      }
      CR_TRY(decoder.member(key).expect_object());
      CR_TRY_ASSIGN(AddedToken token, read_token(decoder.member(key), false));
      by_id.insert_or_assign(id, std::move(token));
    }
    for (auto& [id, token] : by_id) add(std::move(token));
    return {};
  }

  Result<void> read_extra(const json::Reader& list) {
    if (!list.value().is_array()) return {};  // an object names tokens that only templates use
    for (std::size_t i = 0; i < list.value().size(); ++i) {
      CR_TRY_ASSIGN(AddedToken token, read_token(list.item(i), false));
      add(std::move(token));
    }
    return {};
  }

  void add(AddedToken token) {
    const bool known = std::any_of(tokens_.begin(), tokens_.end(),
                                   [&](const AddedToken& t) { return t.content == token.content; });
    if (!known) tokens_.push_back(std::move(token));
  }

  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  std::vector<AddedToken> tokens_;
};

}  // namespace

Result<TokenizerSpec> read_vocab_file(const base::Blob& vocab_txt, const json::Reader& config) {
  CR_TRY(check_class(config));
  TokenizerSpec spec;
  NormalizerOptions& normalizer = spec.normalizer;
  normalizer.clean_text = true;
  CR_TRY_ASSIGN(normalizer.handle_chinese_chars,
                config.member("tokenize_chinese_chars").boolean_or(true));
  CR_TRY_ASSIGN(normalizer.lowercase, config.member("do_lower_case").boolean_or(true));
  CR_TRY_ASSIGN(normalizer.strip_accents,
                config.member("strip_accents").boolean_or(normalizer.lowercase));
  CR_TRY_ASSIGN(spec.vocab, read_vocab(vocab_txt));

  TokensToAdd tokens;
  CR_TRY(tokens.read_decoder(config.member("added_tokens_decoder")));
  std::map<std::string_view, std::string> named;
  for (const auto& [key, fallback] : kNamedTokens) {
    const json::Reader given = config.member(key);
    AddedToken token;
    token.content = fallback;
    if (!given.is_null()) {
      CR_TRY_ASSIGN(token, read_token(given, true));
    }
    named[key] = token.content;
    if (!token.content.empty()) tokens.add(std::move(token));
  }
  for (const std::string_view key : {"additional_special_tokens", "extra_special_tokens"}) {
    CR_TRY(tokens.read_extra(config.member(key)));
  }
  CR_TRY_ASSIGN(
      ResolvedTokens resolved,
      resolve_added_tokens(vocab_txt.name(), tokens.tokens(), spec.vocab,
                           [&](std::string_view text) { return normalize(text, normalizer); }));
  spec.added_tokens = std::move(resolved.tokens);
  spec.wordpiece.unk_token = named["unk_token"];
  for (const std::string_view key : {"cls_token", "sep_token"}) {
    if (named[key].empty()) return config.member(key).bad("must name a token");
  }
  spec.layout.cls_id = resolved.ids[named["cls_token"]];
  spec.layout.sep_id = resolved.ids[named["sep_token"]];
  return spec;
}

}  // namespace crossrank::text
