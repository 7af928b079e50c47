// Tokenizer loader: tokenizer.json. The other format is in vocab_file.cc.
#include "text/tokenizer_loader.h"

#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "json/json.h"
#include "text/json_reader.h"
#include "text/vocab_file.h"

namespace crossrank::text {
namespace {

Result<json::Value> parse_file(const base::Blob& blob) {
  auto parsed = json::parse(blob.bytes());
  if (!parsed.ok()) {
    return Error{ErrorCode::kBadTokenizer, blob.name() + ": " + parsed.error().message};
  }
  if (!parsed->is_object()) return JsonReader(blob.name(), *parsed).bad("must be an object");
  return parsed;
}

// What stands for a stage: the stage itself, or the only one of a Sequence. Null when there is
// none.
Result<JsonReader> only_stage(JsonReader stage, std::string_view list_key) {
  while (!stage.is_null()) {
    CR_TRY(stage.expect_object());
    CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
    if (type != "Sequence") return stage;
    const JsonReader list = stage.member(list_key);
    CR_TRY(list.expect_array());
    if (list.value().size() != 1) {
      return stage.unsupported("a Sequence of " + std::to_string(list.value().size()) +
                               " stages in '" + stage.path() + "'");
    }
    stage = list.item(0);
  }
  return stage;
}

Result<void> read_normalizer(const JsonReader& root, TokenizerSpec& spec) {
  CR_TRY_ASSIGN(const JsonReader stage, only_stage(root.member("normalizer"), "normalizers"));
  if (stage.is_null()) return {};
  CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
  if (type != "BertNormalizer") return stage.unsupported("the normalizer " + type);
  NormalizerOptions& options = spec.normalizer;
  CR_TRY_ASSIGN(options.clean_text, stage.member("clean_text").boolean());
  CR_TRY_ASSIGN(options.handle_chinese_chars, stage.member("handle_chinese_chars").boolean());
  CR_TRY_ASSIGN(options.lowercase, stage.member("lowercase").boolean());
  CR_TRY_ASSIGN(options.strip_accents, stage.member("strip_accents").boolean_or(options.lowercase));
  return {};
}

Result<void> read_pre_tokenizer(const JsonReader& root, TokenizerSpec& spec) {
  CR_TRY_ASSIGN(const JsonReader stage, only_stage(root.member("pre_tokenizer"), "pretokenizers"));
  spec.pre_tokenizer = PreTokenizer::kNone;
  if (stage.is_null()) return {};
  CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
  if (type != "BertPreTokenizer") return stage.unsupported("the pre-tokenizer " + type);
  spec.pre_tokenizer = PreTokenizer::kBert;
  return {};
}

Result<void> read_model(const JsonReader& root, TokenizerSpec& spec) {
  const JsonReader model = root.member("model");
  CR_TRY(model.expect_object());
  if (const JsonReader type = model.member("type"); !type.is_null()) {
    CR_TRY_ASSIGN(const std::string name, type.string());
    if (name != "WordPiece") return model.unsupported("a tokenizer of type " + name);
  } else if (model.member("continuing_subword_prefix").is_null() ||
             model.member("max_input_chars_per_word").is_null()) {
    // Files from 2020 name no type; only WordPiece has both of these.
    return model.unsupported("a tokenizer whose model has no type");
  }
  WordPieceOptions& options = spec.wordpiece;
  CR_TRY_ASSIGN(options.unk_token, model.member("unk_token").string());
  CR_TRY_ASSIGN(options.continuing_subword_prefix,
                model.member("continuing_subword_prefix").string());
  CR_TRY_ASSIGN(options.max_input_chars_per_word, model.member("max_input_chars_per_word").size());

  const JsonReader vocab = model.member("vocab");
  CR_TRY(vocab.expect_object());
  spec.vocab.reserve(vocab.value().size());
  for (const auto& [token, id] : vocab.value().get_ref<const json::Value::object_t&>()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > kMaxTokenId) {
      CR_TRY(vocab.member(token).token_id());
    }
    spec.vocab.push_back({token, id.get<std::int32_t>()});
  }
  return {};
}

Result<void> read_added_tokens(const JsonReader& root, TokenizerSpec& spec) {
  const JsonReader list = root.member("added_tokens");
  if (list.is_null()) return {};
  CR_TRY(list.expect_array());
  std::vector<AddedToken> tokens;
  for (std::size_t i = 0; i < list.value().size(); ++i) {
    const JsonReader item = list.item(i);
    CR_TRY(item.expect_object());
    AddedToken token;
    CR_TRY_ASSIGN(token.content, item.member("content").string());
    CR_TRY_ASSIGN(token.single_word, item.member("single_word").boolean());
    CR_TRY_ASSIGN(token.lstrip, item.member("lstrip").boolean());
    CR_TRY_ASSIGN(token.rstrip, item.member("rstrip").boolean());
    CR_TRY_ASSIGN(token.normalized, item.member("normalized").boolean());
    CR_TRY(item.member("special").boolean());  // matters to decoders alone
    CR_TRY(item.member("id").token_id());      // given by resolve_added_tokens
    tokens.push_back(std::move(token));
  }
  CR_TRY_ASSIGN(ResolvedTokens resolved,
                resolve_added_tokens(root.file(), tokens, spec.vocab, spec.normalizer));
  spec.added_tokens = std::move(resolved.tokens);
  return {};
}

// [CLS] A [SEP] of type 0, then B [SEP] of type 1, under whatever names. Gives the ids of [CLS]
// and [SEP].
class BertTemplate {
 public:
  explicit BertTemplate(const JsonReader& processor) : processor_(processor) {}

  Result<void> read(TokenizerSpec& spec) {
    CR_TRY(expect(processor_.member("single"), {"", "A0", "0"}));
    CR_TRY(expect(processor_.member("pair"), {"", "A0", "0", "B1", "1"}));
    CR_TRY_ASSIGN(spec.cls_id, id_of(cls_));
    CR_TRY_ASSIGN(spec.sep_id, id_of(sep_));
    return {};
  }

 private:
  Error unsupported() const {
    return processor_.unsupported(
        "a post_processor other than [CLS] A [SEP] for one text and [CLS] A [SEP] B [SEP] for two "
        "(token types 0 0 0 1 1)");
  }

  // `wanted`: "" for [CLS], "0" or "1" for [SEP] of that type, "A0" or "B1" for a text.
  Result<void> expect(const JsonReader& pieces, std::initializer_list<std::string_view> wanted) {
    CR_TRY(pieces.expect_array());
    if (pieces.value().size() != wanted.size()) return unsupported();
    std::size_t i = 0;
    for (const std::string_view want : wanted) {
      const JsonReader piece = pieces.item(i++);
      const JsonReader special = piece.member("SpecialToken");
      const JsonReader text = piece.member("Sequence");
      const JsonReader& given = special.is_null() ? text : special;
      CR_TRY(given.expect_object());
      CR_TRY_ASSIGN(const std::string id, given.member("id").string());
      CR_TRY_ASSIGN(const std::size_t type, given.member("type_id").size());
      if (want.size() == 2) {
        if (!special.is_null() || id + std::to_string(type) != want) return unsupported();
        continue;
      }
      std::string& name = want.empty() ? cls_ : sep_;
      if (name.empty()) name = id;
      if (special.is_null() || id != name || std::to_string(type) != (want == "1" ? "1" : "0")) {
        return unsupported();
      }
    }
    return {};
  }

  Result<std::int32_t> id_of(const std::string& name) const {
    const JsonReader ids = processor_.member("special_tokens").member(name).member("ids");
    CR_TRY(ids.expect_array());
    if (ids.value().size() != 1) return unsupported();
    return ids.item(0).token_id();
  }

  JsonReader processor_;
  std::string cls_, sep_;
};

Result<std::int32_t> id_of_pair(const JsonReader& pair) {
  CR_TRY(pair.expect_array());
  if (pair.value().size() != 2) return pair.bad("must be a token and its id");
  CR_TRY(pair.item(0).string());
  return pair.item(1).token_id();
}

Result<void> read_post_processor(const JsonReader& root, TokenizerSpec& spec) {
  const JsonReader processor = root.member("post_processor");
  if (processor.is_null()) return processor.unsupported("a tokenizer without a post_processor");
  CR_TRY(processor.expect_object());
  CR_TRY_ASSIGN(const std::string type, processor.member("type").string());
  if (type == "TemplateProcessing") return BertTemplate(processor).read(spec);
  if (type != "BertProcessing") return processor.unsupported("the post_processor " + type);
  CR_TRY_ASSIGN(spec.cls_id, id_of_pair(processor.member("cls")));
  CR_TRY_ASSIGN(spec.sep_id, id_of_pair(processor.member("sep")));
  return {};
}

Result<TokenizerSpec> read_tokenizer_json(const base::Blob& blob) {
  CR_TRY_ASSIGN(const json::Value parsed, parse_file(blob));
  const JsonReader root(blob.name(), parsed);
  if (const JsonReader version = root.member("version"); !version.is_null()) {
    CR_TRY_ASSIGN(const std::string number, version.string());
    if (number != "1.0") return version.bad("must be \"1.0\"");
  }
  TokenizerSpec spec;
  CR_TRY(read_model(root, spec));
  CR_TRY(read_normalizer(root, spec));
  CR_TRY(read_pre_tokenizer(root, spec));
  CR_TRY(read_added_tokens(root, spec));
  CR_TRY(read_post_processor(root, spec));
  return spec;
}

Result<void> read_limits(const JsonReader& config, TokenizerSpec& spec) {
  spec.model_max_length = std::numeric_limits<std::size_t>::max();
  JsonReader limit = config.member("model_max_length");
  if (limit.is_null()) limit = config.member("max_len");  // its name before 2020
  if (!limit.is_null()) {
    if (!limit.value().is_number() || limit.value().get<double>() < 0) {
      return limit.bad("must be a number that is not negative");
    }
    // 10^30 stands for "no limit" in many files.
    if (const double tokens = limit.value().get<double>(); tokens < 1e15) {
      spec.model_max_length = static_cast<std::size_t>(tokens);
    }
  }
  if (const JsonReader side = config.member("truncation_side"); !side.is_null()) {
    CR_TRY_ASSIGN(const std::string name, side.string());
    if (name != "left" && name != "right") return side.bad("must be \"left\" or \"right\"");
    spec.truncate_left = name == "left";
  }
  return {};
}

}  // namespace

Result<TokenizerSpec> load_tokenizer_spec(const base::Blob& tokenizer_json,
                                          const base::Blob& vocab_txt,
                                          const base::Blob& tokenizer_config) {
  json::Value config_value = json::Value::object();
  if (tokenizer_config) {
    CR_TRY_ASSIGN(config_value, parse_file(tokenizer_config));
  }
  const JsonReader config(tokenizer_config.name(), config_value);
  TokenizerSpec spec;
  if (tokenizer_json) {
    CR_TRY_ASSIGN(spec, read_tokenizer_json(tokenizer_json));
  } else if (vocab_txt) {
    CR_TRY_ASSIGN(spec, read_vocab_file(vocab_txt, config));
  } else {
    return Error{ErrorCode::kBadTokenizer,
                 "The model has neither tokenizer.json nor vocab.txt; one of them is needed."};
  }
  CR_TRY(read_limits(config, spec));
  return spec;
}

Result<ResolvedTokens> resolve_added_tokens(const std::string& file,
                                            const std::vector<AddedToken>& tokens,
                                            const std::vector<VocabEntry>& vocab,
                                            const NormalizerOptions& normalizer) {
  constexpr std::int32_t kNotInVocab = -1;
  ResolvedTokens resolved;
  for (const AddedToken& token : tokens) {
    if (!token.content.empty()) resolved.ids.emplace(token.content, kNotInVocab);
  }
  if (!resolved.ids.empty()) {
    for (const VocabEntry& entry : vocab) {
      const auto found = resolved.ids.find(entry.token);
      if (found != resolved.ids.end()) found->second = entry.id;
    }
  }
  std::map<std::int32_t, AddedToken> by_id;
  std::map<std::int32_t, std::string> normalized;  // a replaced token leaves its pattern behind
  auto next_id = static_cast<std::int32_t>(vocab.size());
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    std::int32_t& id = resolved.ids.find(token.content)->second;
    if (id == kNotInVocab) id = next_id++;
    if (token.normalized) {
      std::string pattern = normalize(token.content, normalizer);
      if (pattern.empty()) {
        return Error{ErrorCode::kBadTokenizer,
                     file + ": the added token " + json::quote(token.content) +
                         " is marked as normalized, and normalizes to nothing."};
      }
      if (pattern != token.content) normalized.insert_or_assign(id, std::move(pattern));
    }
    by_id.insert_or_assign(id, token);
  }
  for (auto& [id, token] : by_id) {
    const auto found = normalized.find(id);
    token.id = id;
    token.pattern = token.normalized && found != normalized.end() ? found->second : token.content;
    resolved.tokens.push_back(std::move(token));
  }
  return resolved;
}

}  // namespace crossrank::text
