// The measures by their definitions in trec_eval 9 (m_ndcg_cut.c, m_map_cut.c, ...), one function
// each.
#include "eval/metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/try.h"
#include "eval/trec_files.h"

namespace crossrank::eval {
namespace {

struct FamilyName {
  std::string_view name;  // lower case
  Family family;
  bool needs_cutoff;
};

constexpr std::array kFamilies = {
    FamilyName{"ndcg", Family::kNdcg, false},
    FamilyName{"ndcg_exp", Family::kNdcgExp, false},
    FamilyName{"mrr", Family::kReciprocalRank, false},
    FamilyName{"rr", Family::kReciprocalRank, false},
    FamilyName{"map", Family::kAveragePrecision, false},
    FamilyName{"ap", Family::kAveragePrecision, false},
    FamilyName{"p", Family::kPrecision, true},
    FamilyName{"r", Family::kRecall, true},
    FamilyName{"recall", Family::kRecall, true},
    FamilyName{"success", Family::kSuccess, true},
    FamilyName{"judged", Family::kJudged, true},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Error bad(std::string_view name, const std::string& what) {
  return {ErrorCode::kInvalidArgument, "the measure '" + std::string(name) + "' " + what};
}

Result<Measure> parse_measure(std::string_view name) {
  const std::size_t at = name.find('@');
  const std::string wanted = lower(name.substr(0, at));
  const auto* const family = std::find_if(kFamilies.begin(), kFamilies.end(),
                                          [&](const FamilyName& f) { return f.name == wanted; });
  if (family == kFamilies.end()) {
    return bad(name,
               "is not known: there are nDCG, nDCG_exp, MRR, MAP (with or without @K), P@K, R@K, "
               "success@K and judged@K");
  }
  Measure measure{family->family, 0, std::string(name)};
  if (at == name.npos) {
    if (family->needs_cutoff) return bad(name, "needs a cutoff: " + measure.name + "@10");
    return measure;
  }
  const std::string_view digits = name.substr(at + 1);
  const char* end = digits.data() + digits.size();
  std::uint32_t cutoff = 0;
  const auto [stop, error] = std::from_chars(digits.data(), end, cutoff);
  if (error != std::errc() || stop != end || cutoff == 0) {
    return bad(name, "has no number from 1 on behind the @");
  }
  measure.cutoff = cutoff;
  return measure;
}

std::size_t depth_of(const Measure& measure, std::size_t available) {
  return measure.cutoff == 0 ? available : std::min(measure.cutoff, available);
}

// grade > 0
double gain_of(std::int32_t grade, bool exponential) {
  return exponential ? std::exp2(grade) - 1 : static_cast<double>(grade);
}

// The discount of the document at index i, which has rank i + 1.
double discount(std::size_t i) { return std::log2(static_cast<double>(i) + 2); }

double dcg(std::span<const std::int32_t> grades, bool exponential) {
  double sum = 0;
  for (std::size_t i = 0; i < grades.size(); ++i) {
    if (grades[i] > 0) sum += gain_of(grades[i], exponential) / discount(i);
  }
  return sum;
}

double ndcg(const Measure& measure, const GradedRanking& ranking, bool exponential) {
  const std::span<const std::int32_t> grades = ranking.grades;
  const std::span<const std::int32_t> ideal = ranking.ideal;
  const double best = dcg(ideal.first(depth_of(measure, ideal.size())), exponential);
  if (best == 0) return 0;
  return dcg(grades.first(depth_of(measure, grades.size())), exponential) / best;
}

bool is_relevant(const GradedRanking& ranking, std::size_t i) {
  return ranking.grades[i] >= ranking.relevance_level;
}

std::size_t count_relevant(const GradedRanking& ranking, std::size_t depth) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < depth; ++i) count += is_relevant(ranking, i);
  return count;
}

double reciprocal_rank(const GradedRanking& ranking, std::size_t depth) {
  for (std::size_t i = 0; i < depth; ++i) {
    if (is_relevant(ranking, i)) return 1 / static_cast<double>(i + 1);
  }
  return 0;
}

double share(std::size_t part, std::size_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

// Over all relevant documents, also where the cutoff lets fewer in.
double average_precision(const GradedRanking& ranking, std::size_t depth) {
  double sum = 0;
  std::size_t found = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    if (is_relevant(ranking, i)) sum += share(++found, i + 1);
  }
  return ranking.relevant == 0 ? 0 : sum / static_cast<double>(ranking.relevant);
}

double judged(const GradedRanking& ranking, std::size_t depth) {
  const auto end = ranking.grades.begin() + static_cast<std::ptrdiff_t>(depth);
  const auto unjudged = std::count(ranking.grades.begin(), end, kUnjudged);
  return share(depth - static_cast<std::size_t>(unjudged), depth);
}

}  // namespace

Result<std::vector<Measure>> parse_measures(std::string_view list) {
  std::vector<Measure> measures;
  for (std::size_t pos = 0; pos <= list.size();) {
    const std::size_t end = std::min(list.find(',', pos), list.size());
    CR_TRY_ASSIGN(Measure measure, parse_measure(list.substr(pos, end - pos)));
    for (const Measure& other : measures) {
      if (other.family == measure.family && other.cutoff == measure.cutoff) {
        return bad(measure.name, "is there twice");
      }
    }
    if (measures.empty() && measure.family == Family::kJudged) {
      return bad(measure.name, "says nothing of quality: name another one before it");
    }
    measures.push_back(std::move(measure));
    pos = end + 1;
  }
  return measures;
}

double measure(const Measure& measure, const GradedRanking& ranking) {
  const std::size_t depth = depth_of(measure, ranking.grades.size());
  switch (measure.family) {
    case Family::kNdcg: return ndcg(measure, ranking, /*exponential=*/false);
    case Family::kNdcgExp: return ndcg(measure, ranking, /*exponential=*/true);
    case Family::kReciprocalRank: return reciprocal_rank(ranking, depth);
    case Family::kAveragePrecision: return average_precision(ranking, depth);
    // By the cutoff, also when the run has fewer documents.
    case Family::kPrecision: return share(count_relevant(ranking, depth), measure.cutoff);
    case Family::kRecall: return share(count_relevant(ranking, depth), ranking.relevant);
    case Family::kSuccess: return count_relevant(ranking, depth) > 0 ? 1 : 0;
    case Family::kJudged: return judged(ranking, depth);
  }
  return 0;  // not reached: the switch is exhaustive
}

void add_ndcg_by_depth(const GradedRanking& ranking, std::span<double> sums) {
  double sum = 0;
  double best = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (i < ranking.grades.size() && ranking.grades[i] > 0) sum += ranking.grades[i] / discount(i);
    if (i < ranking.ideal.size()) best += ranking.ideal[i] / discount(i);
    if (best > 0) sums[i] += sum / best;
  }
}

}  // namespace crossrank::eval
