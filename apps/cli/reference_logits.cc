// The published logits of cross-encoder/ms-marco-MiniLM-L-6-v2, each with where it stands and how
// many digits are printed there, and the choice of the set for a model.
#include "reference_logits.h"

#include <cstdlib>
#include <filesystem>

#include "hub/hub_cache.h"

namespace crossrank::cli {
namespace {

// clang-format off
constexpr ReferenceLogit kMiniLm[] = {
    // huggingface/sentence-transformers at cad211983f36, docs/cross_encoder/usage/usage.rst
    {"How many people live in Berlin?",
     "Berlin had a population of 3,520,031 registered inhabitants in an area of 891.82 square kilometers.", 1,
     8.607138f, 0.0002f},
    {"How many people live in Berlin?",
     "Berlin is well known for its museums.", 1,
     -4.3200774f, 0.0002f},
    // huggingface/sentence-transformers at cad211983f36, README.md
    {"How many people live in Berlin?",
     "Berlin has a yearly total of about 135 million day visitors, making it one of the most-visited cities in the European Union.", 1,
     5.506266f, 0.0002f},
    {"How many people live in Berlin?",
     "In 2013 around 600,000 Berliners were registered in one of the more than 2,300 sport and fitness clubs.", 1,
     6.352977f, 0.0002f},
    // huggingface/sentence-transformers at cad211983f36, docs/cross_encoder/usage/usage.rst
    // (2 decimals)
    {"How many people live in Berlin?",
     "An estimated 300,000-420,000 Muslims reside in Berlin, making up about 8-11 percent of the population.", 1,
     8.24f, 0.006f},
    {"How many people live in Berlin?",
     "The urban area of Berlin comprised about 4.1 million people in 2014, making it the seventh most populous urban area in the European Union.", 1,
     8.92f, 0.006f},
    {"How many people live in Berlin?",
     "In 2014, the city state Berlin had 37,368 live births (+6.6%), a record number since 1991.", 1,
     7.6f, 0.006f},
    {"How many people live in Berlin?",
     "Berlin has a yearly total of about 135 million day visitors, which puts it in third place among the most-visited city destinations in the European Union.", 1,
     5.42f, 0.006f},
    {"How many people live in Berlin?",
     "In 2015, the total labour force in Berlin was 1.85 million.", 1,
     3.45f, 0.006f},
    {"How many people live in Berlin?",
     "Berlin is subdivided into 12 boroughs or districts (Bezirke).", 1,
     0.33f, 0.006f},
    {"How many people live in Berlin?",
     "The city of Paris had a population of 2,165,423 people within its administrative city limits as of January 1, 2019", 1,
     -4.24f, 0.006f},
    // 2024ad05357/advanced-rag-enterprise at 5a26ee65d931, models/ms-marco-MiniLM-L-6-v2/README.md
    // (auto-generated card of a re-saved model; the same values stand in VIPCARINO/RAG-PDF-CHATBOT)
    {"How many calories in an egg",
     "There are on average between 55 and 80 calories in an egg depending on its size.", 1,
     9.9541f, 0.006f},
    {"How many calories in an egg",
     "Egg whites are very low in calories, have no fat, no cholesterol, and are loaded with protein.", 1,
     -2.0108f, 0.006f},
    {"How many calories in an egg",
     "Most of the calories in an egg come from the yellow yolk in the center.", 1,
     0.9186f, 0.006f},
    // qdrant/fastembed at c48247f15df7, tests/test_text_cross_encoder.py
    // (Xenova ONNX export)
    {"What is the capital of France?",
     "Paris is the capital of France.", 1,
     8.500708f, 0.001f},
    {"What is the capital of France?",
     "Berlin is the capital of Germany.", 1,
     -2.541011f, 0.001f},
};
// clang-format on

constexpr const char* kMiniLmId = "cross-encoder/ms-marco-MiniLM-L-6-v2";

// True for the id in any spelling, and for a path with a folder of its name (as a download that was
// unpacked has it) or of its place in the hub's cache.
bool names_minilm(const std::string& name) {
  for (const std::string& id : hub::spellings(kMiniLmId)) {
    if (name == id) return true;
    const std::string base = id.substr(id.find('/') + 1);
    for (const auto& part : std::filesystem::path(name)) {
      if (part == base || part == "models--cross-encoder--" + base) return true;
    }
  }
  return false;
}

}  // namespace

const ReferenceSet& minilm_reference() {
  // The built-in model has the same vocabulary, so the same ids.
  static const ReferenceSet kSet = {"published logits", "", kMiniLm, builtin_reference().tokenized,
                                    builtin_reference().ids};
  return kSet;
}

const ReferenceSet* find_reference(const ModelInfo& info, std::string_view weights_sha256) {
  if (weights_sha256 == builtin_reference().weights_sha256) return &builtin_reference();
  // CROSSRANK_BUILTIN puts a model of the user's in the place of ours.
  const char* replaced = std::getenv("CROSSRANK_BUILTIN");
  if (info.name == "builtin" && (replaced == nullptr || *replaced == '\0')) {
    return &builtin_reference();
  }
  return names_minilm(info.name) ? &minilm_reference() : nullptr;
}

}  // namespace crossrank::cli
