// vocab.txt: one token a line, with the rest of the tokenizer taken from tokenizer_config.json as
// transformers' BertTokenizer takes it. Not tokenizer.json.
#pragma once

#include "base/blob.h"
#include "crossrank/result.h"
#include "json/reader.h"
#include "text/tokenizer_spec.h"

namespace crossrank::text {

// `config` is an object, empty when the model has no tokenizer_config.json.
Result<TokenizerSpec> read_vocab_file(const base::Blob& vocab_txt, const json::Reader& config);

}  // namespace crossrank::text
