// Which files make up a model, by name: in a hub's listing, and in a folder. Reads no tensors.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace crossrank::hub {

inline constexpr std::string_view kConfigFile = "config.json";
inline constexpr std::string_view kTokenizerFile = "tokenizer.json";
inline constexpr std::string_view kVocabFile = "vocab.txt";
// What a SentencePiece model has where nobody has converted it.
inline constexpr std::array<std::string_view, 2> kSentencePieceFiles = {"sentencepiece.bpe.model",
                                                                        "spiece.model"};
inline constexpr std::string_view kWeightsFile = "model.safetensors";
inline constexpr std::string_view kIndexFile = "model.safetensors.index.json";

// All but the weights, as far as a model has them.
inline constexpr std::array<std::string_view, 9> kSideFiles = {
    kConfigFile,
    kTokenizerFile,
    kVocabFile,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "modules.json",                       // whether the next two count
    "config_sentence_transformers.json",  // the activation of the score, a prompt
    "sentence_bert_config.json"};         // the length of a pair

// "" when `folder` has a tokenizer and, unless `tokenizer_only`, config.json and all safetensors
// weights; else what is missing, as in "it has no config.json". Links that lead nowhere count as
// missing.
std::string missing_from(const std::filesystem::path& folder, bool tokenizer_only);

// The digest that a file of a hub cache is named by in blobs/, to which it is a link; "" for any
// other file.
std::string blob_name(const std::filesystem::path& file);

// The SHA-256 of the weights where a hub cache tells it without reading them: the name of the blob
// that model.safetensors links to. "" for any other file.
std::string weights_digest(const std::filesystem::path& folder);

}  // namespace crossrank::hub
