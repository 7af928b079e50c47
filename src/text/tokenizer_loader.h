// Tokenizer loader: tokenizer.json, or vocab.txt, to what the tokenizer is made of. Encodes
// nothing.
#pragma once

#include "base/blob.h"
#include "crossrank/result.h"
#include "text/legacy_files.h"
#include "text/tokenizer_spec.h"

namespace crossrank::text {

// Errors: as Tokenizer::load.
Result<TokenizerSpec> load_tokenizer_spec(const base::Blob& tokenizer_json,
                                          const base::Blob& vocab_txt,
                                          const base::Blob& tokenizer_config,
                                          const LegacyFiles& legacy);

}  // namespace crossrank::text
