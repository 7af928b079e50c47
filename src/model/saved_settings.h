// SavedSettings: what sentence-transformers saves beside a cross-encoder, as far as it changes a
// score. The activation, which config.json may hold as well, is read with that (config.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/blob.h"
#include "crossrank/result.h"

namespace crossrank::model {

struct SavedSettings {
  bool present = false;      // false: the model was not saved as a cross-encoder of theirs
  std::string query_prompt;  // stands in front of every query; "" = none
  std::optional<std::size_t> max_seq_length;  // tokens a pair, whatever the tokenizer says
};

// From modules.json, config_sentence_transformers.json and sentence_bert_config.json, each of which
// may be absent. As in the reference (6.2), the other two count only beside modules.json and only
// when they were saved for a cross-encoder. Errors: kBadConfig with the file and the key;
// kUnsupportedModel for modules other than one Transformer in the model's own folder, and for
// settings that change its input.
Result<SavedSettings> parse_saved_settings(const base::Blob& modules_json,
                                           const base::Blob& sentence_transformers_json,
                                           const base::Blob& sentence_bert_json);

}  // namespace crossrank::model
