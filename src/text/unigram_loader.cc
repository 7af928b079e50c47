// Unigram loader: each stage by its type; what it cannot be is an error that names it.
#include "text/unigram_loader.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/try.h"
#include "base/utf8.h"

namespace crossrank::text {
namespace {

// The stages that stand in `stage`: itself, or those of a Sequence, flattened.
Result<void> list_stages(const json::Reader& stage, std::string_view list_key,
                         std::vector<json::Reader>& stages) {
  if (stage.is_null()) return {};
  CR_TRY(stage.expect_object());
  CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
  if (type != "Sequence") {
    stages.push_back(stage);
    return {};
  }
  const json::Reader list = stage.member(list_key);
  CR_TRY(list.expect_array());
  for (std::size_t i = 0; i < list.value().size(); ++i) {
    CR_TRY(list.item(i).expect_object());
    CR_TRY(list_stages(list.item(i), list_key, stages));
  }
  return {};
}

Result<SentencePieceStage> read_precompiled(const json::Reader& stage) {
  CR_TRY_ASSIGN(const std::string base64, stage.member("precompiled_charsmap").string());
  Result<Charsmap> charsmap = Charsmap::parse(base64);
  if (!charsmap.ok()) {
    return Error{charsmap.error().code, stage.file() + ": " + charsmap.error().message + "."};
  }
  SentencePieceStage result;
  result.charsmap = std::move(*charsmap);
  return result;
}

Result<SentencePieceStage> read_replace(const json::Reader& stage) {
  const json::Reader pattern = stage.member("pattern");
  CR_TRY(pattern.expect_object());
  SentencePieceStage result;
  CR_TRY_ASSIGN(result.content, stage.member("content").string());
  if (const json::Reader regex = pattern.member("Regex"); !regex.is_null()) {
    CR_TRY_ASSIGN(const std::string text, regex.string());
    if (text != " {2,}") return unsupported(stage, "a Replace of the pattern " + json::quote(text));
    result.kind = SentencePieceStage::Kind::kReplaceSpaces;
    return result;
  }
  result.kind = SentencePieceStage::Kind::kReplace;
  CR_TRY_ASSIGN(result.pattern, pattern.member("String").string());
  if (result.pattern.empty()) return pattern.member("String").bad("must not be empty");
  return result;
}

Result<SentencePieceStage> read_normalizer_stage(const json::Reader& stage) {
  CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
  if (type == "Precompiled") return read_precompiled(stage);
  if (type == "Replace") return read_replace(stage);
  if (type != "Strip") return unsupported(stage, "the normalizer " + type);
  SentencePieceStage result;
  result.kind = SentencePieceStage::Kind::kStrip;
  CR_TRY_ASSIGN(result.left, stage.member("strip_left").boolean());
  CR_TRY_ASSIGN(result.right, stage.member("strip_right").boolean());
  return result;
}

Result<void> read_normalizer(const json::Reader& root, std::vector<SentencePieceStage>& result) {
  std::vector<json::Reader> stages;
  CR_TRY(list_stages(root.member("normalizer"), "normalizers", stages));
  std::size_t growth = 1;  // bytes that the stages together could make of one byte
  for (const json::Reader& stage : stages) {
    CR_TRY_ASSIGN(SentencePieceStage read, read_normalizer_stage(stage));
    growth *= read.charsmap ? std::max<std::size_t>(1, read.charsmap->max_growth())
                            : read.content.size() + 1;
    // SentencePiece's own charsmaps make 33 bytes of a character at most.
    if (growth > 1 << 12) return unsupported(stage, "a normalizer of stages that grow a text so");
    result.push_back(std::move(read));
  }
  return {};
}

Result<void> read_metaspace(const json::Reader& stage, MetaspaceOptions& options) {
  using Prepend = MetaspaceOptions::Prepend;
  options.metaspace = true;
  CR_TRY_ASSIGN(options.mark, stage.member("replacement").string());
  if (base::count_code_points(options.mark) != 1) {
    return stage.member("replacement").bad("must be one character");
  }
  CR_TRY_ASSIGN(options.split, stage.member("split").boolean_or(true));
  if (const json::Reader scheme = stage.member("prepend_scheme"); !scheme.is_null()) {
    CR_TRY_ASSIGN(const std::string name, scheme.string());
    if (name != "always" && name != "first" && name != "never") {
      return scheme.bad("must be \"always\", \"first\" or \"never\"");
    }
    options.prepend = name == "always"  ? Prepend::kAlways
                      : name == "first" ? Prepend::kFirst
                                        : Prepend::kNever;
  }
  // Its name before prepend_scheme; `tokenizers` does not read a contradiction either.
  const json::Reader add = stage.member("add_prefix_space");
  CR_TRY_ASSIGN(const bool adds, add.boolean_or(true));
  if (!adds && options.prepend != Prepend::kNever) {
    return add.bad("must go with a `prepend_scheme` of \"never\"");
  }
  return {};
}

Result<void> read_words(const json::Reader& root, MetaspaceOptions& options) {
  std::vector<json::Reader> stages;
  CR_TRY(list_stages(root.member("pre_tokenizer"), "pretokenizers", stages));
  for (const json::Reader& stage : stages) {
    CR_TRY_ASSIGN(const std::string type, stage.member("type").string());
    if (type == "Metaspace" && !options.metaspace) {
      CR_TRY(read_metaspace(stage, options));
    } else if (type == "WhitespaceSplit" && !options.metaspace) {
      options.whitespace_split = true;
    } else {
      return unsupported(stage, "the pre-tokenizer " + type + " at this place");
    }
  }
  return {};
}

Result<void> read_vocab(const json::Reader& model, TokenizerSpec& spec) {
  const json::Reader vocab = model.member("vocab");
  CR_TRY(vocab.expect_array());
  const std::size_t size = vocab.value().size();
  if (size == 0 || size > static_cast<std::size_t>(kMaxTokenId)) {
    return Error{ErrorCode::kBadTokenizer, vocab.file() + ": a vocabulary of " +
                                               std::to_string(size) + " pieces; from 1 to " +
                                               std::to_string(kMaxTokenId) + " are possible."};
  }
  std::vector<double>& scores = spec.unigram->options.scores;
  spec.vocab.reserve(size);
  scores.reserve(size);
  for (const json::Value& entry : vocab.value()) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      return vocab.item(spec.vocab.size()).bad("must be a piece and its score");
    }
    const double score = entry[1].get<double>();
    if (!std::isfinite(score)) {
      return vocab.item(spec.vocab.size()).bad("must have a score that is finite");
    }
    scores.push_back(entry[1].is_number_float() ? score_as_read(score) : score);
    spec.vocab.push_back(
        {entry[0].get<std::string>(), static_cast<std::int32_t>(spec.vocab.size())});
  }
  return {};
}

Result<void> read_options(const json::Reader& model, TokenizerSpec& spec) {
  UnigramOptions& options = spec.unigram->options;
  CR_TRY_ASSIGN(options.byte_fallback, model.member("byte_fallback").boolean_or(false));
  CR_TRY_ASSIGN(options.unk_id, token_id(model.member("unk_id")));
  if (static_cast<std::size_t>(options.unk_id) >= spec.vocab.size()) {
    return model.member("unk_id").bad("must be below the number of pieces, " +
                                      std::to_string(spec.vocab.size()));
  }
  return {};
}

}  // namespace

bool is_unigram(const json::Reader& model) {
  const json::Reader type = model.member("type");
  if (type.is_absent()) return model.member("vocab").value().is_array();
  return type.value().is_string() && type.value().get_ref<const std::string&>() == "Unigram";
}

Result<void> read_unigram(const json::Reader& root, TokenizerSpec& spec) {
  spec.unigram.emplace();
  CR_TRY(read_vocab(root.member("model"), spec));
  CR_TRY(read_options(root.member("model"), spec));
  CR_TRY(read_normalizer(root, spec.unigram->normalizer));
  return read_words(root, spec.unigram->words);
}

}  // namespace crossrank::text
