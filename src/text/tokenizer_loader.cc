// Tokenizer loader: tokenizer.json. The other format is in vocab_file.cc.
#include "text/tokenizer_loader.h"

#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "json/reader.h"
#include "text/unigram_loader.h"
#include "text/vocab_file.h"

namespace crossrank::text {
namespace {

// What stands for a stage: the stage itself, or the only one of a Sequence. Null when there is
// none.
Result<json::Reader> only_stage(json::Reader stage, std::string_view list_key) {
  while (!stage.is_null()) {
    CR_TRY(stage.expect_object());
    CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
    if (type != "Sequence") return stage;
    const json::Reader list = stage.member(list_key);
    CR_TRY(list.expect_array());
    if (list.value().size() != 1) {
      return unsupported(stage, "a Sequence of " + std::to_string(list.value().size()) +
                                    " stages in '" + stage.path() + "'");
    }
    stage = list.item(0);
  }
  return stage;
}

Result<void> read_normalizer(const json::Reader& root, TokenizerSpec& spec) {
  CR_TRY_ASSIGN(const json::Reader stage, only_stage(root.member("normalizer"), "normalizers"));
  if (stage.is_null()) return {};
  CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
  if (type != "BertNormalizer") return unsupported(stage, "the normalizer " + type);
  NormalizerOptions& options = spec.normalizer;
  CR_TRY_ASSIGN(options.clean_text, stage.member("clean_text").boolean());
  CR_TRY_ASSIGN(options.handle_chinese_chars, stage.member("handle_chinese_chars").boolean());
  CR_TRY_ASSIGN(options.lowercase, stage.member("lowercase").boolean());
  CR_TRY_ASSIGN(options.strip_accents, stage.member("strip_accents").boolean_or(options.lowercase));
  return {};
}

Result<void> read_pre_tokenizer(const json::Reader& root, TokenizerSpec& spec) {
  CR_TRY_ASSIGN(const json::Reader stage,
                only_stage(root.member("pre_tokenizer"), "pretokenizers"));
  spec.pre_tokenizer = PreTokenizer::kNone;
  if (stage.is_null()) return {};
  CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
  if (type != "BertPreTokenizer") return unsupported(stage, "the pre-tokenizer " + type);
  spec.pre_tokenizer = PreTokenizer::kBert;
  return {};
}

Result<void> read_model(const json::Reader& root, TokenizerSpec& spec) {
  const json::Reader model = root.member("model");
  CR_TRY(model.expect_object());
  if (const json::Reader type = model.member("type"); !type.is_null()) {
    CR_TRY_ASSIGN(const std::string name, type.string());
    if (name != "WordPiece") return unsupported(model, "a tokenizer of type " + name);
  } else if (model.member("continuing_subword_prefix").is_null() ||
             model.member("max_input_chars_per_word").is_null()) {
    // Files from 2020 name no type; only WordPiece has both of these.
    return unsupported(model, "a tokenizer whose model has no type");
  }
  WordPieceOptions& options = spec.wordpiece;
  CR_TRY_ASSIGN(options.unk_token, model.member("unk_token").string());
  CR_TRY_ASSIGN(options.continuing_subword_prefix,
                model.member("continuing_subword_prefix").string());
  CR_TRY_ASSIGN(options.max_input_chars_per_word, model.member("max_input_chars_per_word").size());

  const json::Reader vocab = model.member("vocab");
  CR_TRY(vocab.expect_object());
  spec.vocab.reserve(vocab.value().size());
  for (const auto& [token, id] : vocab.value().get_ref<const json::Value::object_t&>()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > kMaxTokenId) {
      CR_TRY(token_id(vocab.member(token)));
    }
    spec.vocab.push_back({token, id.get<std::int32_t>()});
  }
  return {};
}

Result<void> read_added_tokens(const json::Reader& root, TokenizerSpec& spec) {
  const json::Reader list = root.member("added_tokens");
  if (list.is_null()) return {};
  CR_TRY(list.expect_array());
  std::vector<AddedToken> tokens;
  for (std::size_t i = 0; i < list.value().size(); ++i) {
    const json::Reader item = list.item(i);
    CR_TRY(item.expect_object());
    AddedToken token;
    CR_TRY_ASSIGN(token.content, item.member("content").string());
    CR_TRY_ASSIGN(token.single_word, item.member("single_word").boolean());
    CR_TRY_ASSIGN(token.lstrip, item.member("lstrip").boolean());
    CR_TRY_ASSIGN(token.rstrip, item.member("rstrip").boolean());
    CR_TRY_ASSIGN(token.normalized, item.member("normalized").boolean());
    CR_TRY(item.member("special").boolean());  // matters to decoders alone
    CR_TRY(token_id(item.member("id")));       // given by resolve_added_tokens
    tokens.push_back(std::move(token));
  }
  const auto normalized = [&]() -> Normalize {
    if (!spec.unigram) {
      return [&spec](std::string_view text) { return normalize(text, spec.normalizer); };
    }
    return [normalizer = SentencePieceNormalizer(spec.unigram->normalizer)](std::string_view text) {
      return normalizer.normalize(text);
    };
  };
  CR_TRY_ASSIGN(ResolvedTokens resolved,
                resolve_added_tokens(root.file(), tokens, spec.vocab, normalized()));
  spec.added_tokens = std::move(resolved.tokens);
  return {};
}

// [CLS] A [SEP] of type 0, then B [SEP] of type 1, under whatever names; or <s> A </s></s> B </s>,
// all of type 0. Gives the ids of [CLS] and [SEP].
class PairTemplate {
 public:
  explicit PairTemplate(const json::Reader& processor) : processor_(processor) {}

  Result<void> read(PairLayout& layout) {
    CR_TRY_ASSIGN(const std::string single, shape_of(processor_.member("single")));
    CR_TRY_ASSIGN(const std::string pair, shape_of(processor_.member("pair")));
    layout.roberta = pair == "cls:0 A:0 sep:0 sep:0 B:0 sep:0 ";
    if (single != "cls:0 A:0 sep:0 " || (!layout.roberta && pair != "cls:0 A:0 sep:0 B:1 sep:1 ")) {
      return unsupported();
    }
    CR_TRY_ASSIGN(layout.cls_id, id_of(cls_));
    CR_TRY_ASSIGN(layout.sep_id, id_of(sep_));
    return {};
  }

 private:
  Error unsupported() const {
    return text::unsupported(processor_,
                             "a post_processor other than [CLS] A [SEP] for one text and "
                             "[CLS] A [SEP] B [SEP] or <s> A </s></s> B </s> for two");
  }

  // The pieces of a template with their types, as in "cls:0 A:0 sep:0 ". The first special token
  // is "cls", whatever else comes is "sep".
  Result<std::string> shape_of(const json::Reader& pieces) {
    CR_TRY(pieces.expect_array());
    std::string shape;
    for (std::size_t i = 0; i < pieces.value().size(); ++i) {
      const json::Reader special = pieces.item(i).member("SpecialToken");
      const json::Reader piece = special.is_null() ? pieces.item(i).member("Sequence") : special;
      CR_TRY(piece.expect_object());
      CR_TRY_ASSIGN(std::string id, piece.member("id").string());
      CR_TRY_ASSIGN(const std::size_t type, piece.member("type_id").size());
      if (!special.is_null()) {
        std::string& name = i == 0 ? cls_ : sep_;
        if (name.empty()) name = id;
        if (id != name) return unsupported();
        id = i == 0 ? "cls" : "sep";
      }
      shape += id + ":" + std::to_string(type) + " ";
    }
    return shape;
  }

  Result<std::int32_t> id_of(const std::string& name) const {
    const json::Reader ids = processor_.member("special_tokens").member(name).member("ids");
    CR_TRY(ids.expect_array());
    if (ids.value().size() != 1) return unsupported();
    return token_id(ids.item(0));
  }

  json::Reader processor_;
  std::string cls_, sep_;
};

Result<std::int32_t> id_of_pair(const json::Reader& pair) {
  CR_TRY(pair.expect_array());
  if (pair.value().size() != 2) return pair.bad("must be a token and its id");
  CR_TRY(pair.item(0).string());
  return token_id(pair.item(1));
}

Result<void> read_post_processor(const json::Reader& root, TokenizerSpec& spec) {
  const json::Reader processor = root.member("post_processor");
  if (processor.is_null()) return unsupported(processor, "a tokenizer without a post_processor");
  CR_TRY(processor.expect_object());
  CR_TRY_ASSIGN(const std::string type, processor.member("type").string());
  if (type == "TemplateProcessing") return PairTemplate(processor).read(spec.layout);
  spec.layout.roberta = type == "RobertaProcessing";
  if (type != "BertProcessing" && !spec.layout.roberta) {
    return unsupported(processor, "the post_processor " + type);
  }
  CR_TRY_ASSIGN(spec.layout.cls_id, id_of_pair(processor.member("cls")));
  CR_TRY_ASSIGN(spec.layout.sep_id, id_of_pair(processor.member("sep")));
  return {};
}

// Of a truncation that is stored in tokenizer.json the reference takes the direction alone, and
// that only where tokenizer_config.json gives none.
Result<void> read_direction(const json::Reader& root, TokenizerSpec& spec) {
  const json::Reader direction = root.member("truncation").member("direction");
  if (direction.is_null()) return {};
  CR_TRY_ASSIGN(const std::string name, direction.string());
  if (name != "Left" && name != "Right") return direction.bad("must be \"Left\" or \"Right\"");
  spec.truncate_left = name == "Left";
  return {};
}

Result<TokenizerSpec> read_tokenizer_json(const base::Blob& blob) {
  CR_TRY_ASSIGN(const json::Value parsed, json::parse_object(blob, ErrorCode::kBadTokenizer));
  const json::Reader root(blob.name(), parsed, ErrorCode::kBadTokenizer);
  if (const json::Reader version = root.member("version"); !version.is_null()) {
    CR_TRY_ASSIGN(const std::string number, version.string());
    if (number != "1.0") return version.bad("must be \"1.0\"");
  }
  TokenizerSpec spec;
  if (is_unigram(root.member("model"))) {
    CR_TRY(read_unigram(root, spec));
  } else {
    CR_TRY(read_model(root, spec));
    CR_TRY(read_normalizer(root, spec));
    CR_TRY(read_pre_tokenizer(root, spec));
  }
  CR_TRY(read_added_tokens(root, spec));
  CR_TRY(read_post_processor(root, spec));
  CR_TRY(read_direction(root, spec));
  return spec;
}

Result<void> read_limits(const json::Reader& config, TokenizerSpec& spec) {
  spec.model_max_length = std::numeric_limits<std::size_t>::max();
  json::Reader limit = config.member("model_max_length");
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
  if (const json::Reader side = config.member("truncation_side"); !side.is_null()) {
    CR_TRY_ASSIGN(const std::string name, side.string());
    if (name != "left" && name != "right") return side.bad("must be \"left\" or \"right\"");
    spec.truncate_left = name == "left";
  }
  return {};
}

}  // namespace

Result<TokenizerSpec> load_tokenizer_spec(const base::Blob& tokenizer_json,
                                          const base::Blob& vocab_txt,
                                          const base::Blob& tokenizer_config,
                                          const LegacyFiles& legacy) {
  json::Value config_value = json::Value::object();
  if (tokenizer_config) {
    CR_TRY_ASSIGN(config_value, json::parse_object(tokenizer_config, ErrorCode::kBadTokenizer));
  }
  if (!tokenizer_json) CR_TRY(merge_legacy_files(legacy, config_value));
  const json::Reader config(tokenizer_config.name(), config_value, ErrorCode::kBadTokenizer);
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

}  // namespace crossrank::text
