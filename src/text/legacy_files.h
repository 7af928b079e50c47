// special_tokens_map.json and added_tokens.json, which stand beside a vocab.txt of before 2024.
// Not tokenizer.json, which holds all of that itself.
#pragma once

#include "base/blob.h"
#include "crossrank/result.h"
#include "json/json.h"

namespace crossrank::text {

struct LegacyFiles {
  base::Blob special_tokens_map;
  base::Blob added_tokens;
};

// Merges them into `config`, that of tokenizer_config.json, as transformers does where it has no
// added_tokens_decoder; where it has one, they do not count. Either may be absent.
// Error: kBadTokenizer.
Result<void> merge_legacy_files(const LegacyFiles& files, json::Value& config);

}  // namespace crossrank::text
