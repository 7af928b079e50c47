// Unigram loader: the parts of tokenizer.json that a SentencePiece Unigram model has in the place
// of BERT's. The rest is in tokenizer_loader.
#pragma once

#include "crossrank/result.h"
#include "json/reader.h"
#include "text/tokenizer_spec.h"

namespace crossrank::text {

// Whether `model` of tokenizer.json is a Unigram model, by its name or (files of 2020) its shape.
bool is_unigram(const json::Reader& model);

// Fills spec.unigram and spec.vocab from model, normalizer and pre_tokenizer.
// Errors: kBadTokenizer, kUnsupportedModel (a stage that is not one of SentencePiece's).
Result<void> read_unigram(const json::Reader& root, TokenizerSpec& spec);

}  // namespace crossrank::text
