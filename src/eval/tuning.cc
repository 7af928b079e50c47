// Tuning by trying all: 42 settings a query cost less than reading the runs.
#include "eval/tuning.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "base/try.h"
#include "eval/evaluation.h"

namespace crossrank::eval {
namespace {

// The first is the first run alone, the last the second alone; of equal means the later one wins.
std::vector<BlendSetting> all_settings() {
  std::vector<BlendSetting> settings;
  for (std::size_t step = 0; step <= kAlphaSteps; ++step) {
    for (const Blend blend : {Blend::kReciprocalRank, Blend::kZScore}) {
      settings.push_back({blend, static_cast<double>(step) / double{kAlphaSteps}});
    }
  }
  return settings;
}

// Of `first` the documents of `second`, in the order of that. Error: kBadInput.
Result<std::vector<ScoredDocument>> reranked_ones(std::span<const ScoredDocument> first,
                                                  std::span<const ScoredDocument> second,
                                                  std::string_view query) {
  std::vector<ScoredDocument> by_id(first.begin(), first.end());
  std::sort(by_id.begin(), by_id.end(), [](const ScoredDocument& a, const ScoredDocument& b) {
    return a.document < b.document;
  });
  std::vector<ScoredDocument> found;
  for (const ScoredDocument& wanted : second) {
    const auto at = std::lower_bound(
        by_id.begin(), by_id.end(), wanted.document,
        [](const ScoredDocument& a, std::string_view id) { return a.document < id; });
    if (at == by_id.end() || at->document != wanted.document) {
      return Error{ErrorCode::kBadInput, "query " + std::string(query) + ": the document " +
                                             std::string(wanted.document) +
                                             " is not in the first run, which the second reranks"};
    }
    found.push_back(*at);
  }
  return found;
}

// One query's value with each setting.
std::vector<double> values(const std::vector<BlendSetting>& settings,
                           std::span<const Judgment> judgments,
                           std::span<const ScoredDocument> first,
                           std::span<const ScoredDocument> second, const TuningOptions& options) {
  std::vector<double> out;
  for (const BlendSetting& setting : settings) {
    const std::vector<float> blended = blended_scores(first, second, setting.alpha, setting.blend);
    std::vector<ScoredDocument> ranked(second.begin(), second.end());
    for (std::size_t i = 0; i < ranked.size(); ++i) ranked[i].score = blended[i];
    std::sort(ranked.begin(), ranked.end(), ranks_before);
    out.push_back(measure(options.measure, graded(judgments, ranked, options.relevance_level)));
  }
  return out;
}

Error stopped() { return {ErrorCode::kCancelled, "interrupted"}; }

// The place of the best setting by the mean over the queries that `counts`; of equal ones the last.
template <typename Counts>
std::size_t best_setting(const std::vector<std::vector<double>>& rows, std::size_t settings,
                         Counts counts) {
  std::vector<double> sums(settings);
  for (std::size_t q = 0; q < rows.size(); ++q) {
    if (!counts(q)) continue;
    for (std::size_t s = 0; s < settings; ++s) sums[s] += rows[q][s];
  }
  std::size_t best = 0;
  for (std::size_t s = 1; s < settings; ++s) {
    if (sums[s] >= sums[best]) best = s;
  }
  return best;
}

}  // namespace

Result<Tuning> tune(const Qrels& qrels, const Run& first, const Run& second,
                    const TuningOptions& options) {
  const std::vector<BlendSetting> settings = all_settings();
  Tuning out;
  std::vector<std::vector<double>> rows;
  for (const Run::Query& query : second.queries()) {
    const std::size_t judged = qrels.find(query.id);
    const std::size_t found = first.find(query.id);
    if (options.stop && options.stop()) return stopped();
    if (judged == qrels.queries().size()) {
      ++out.unjudged;
    } else if (found == first.queries().size()) {
      ++out.unranked;
    } else {
      const std::span<const ScoredDocument> reranked = second.records(query);
      CR_TRY_ASSIGN(const std::vector<ScoredDocument> before,
                    reranked_ones(first.records(first.queries()[found]), reranked, query.id));
      rows.push_back(
          values(settings, qrels.records(qrels.queries()[judged]), before, reranked, options));
    }
  }
  if (rows.size() < options.folds) {
    return Error{ErrorCode::kInvalidArgument, "the runs and the qrels have " +
                                                  std::to_string(rows.size()) +
                                                  " queries in common, fewer than the " +
                                                  std::to_string(options.folds) + " folds"};
  }

  const auto all = [](std::size_t) { return true; };
  out.best = settings[best_setting(rows, settings.size(), all)];
  for (std::size_t s = 0; s < settings.size(); ++s) {
    double sum = 0;
    for (const std::vector<double>& row : rows) sum += row[s];
    out.points.push_back({settings[s], sum / static_cast<double>(rows.size())});
  }
  std::vector<std::size_t> best_for_fold;
  for (std::size_t fold = 0; fold < options.folds; ++fold) {
    if (options.stop && options.stop()) return stopped();
    best_for_fold.push_back(best_setting(rows, settings.size(),
                                         [&](std::size_t q) { return q % options.folds != fold; }));
  }
  for (std::size_t q = 0; q < rows.size(); ++q) {
    out.first.push_back(rows[q].front());
    out.second.push_back(rows[q].back());
    out.cross_validated.push_back(rows[q][best_for_fold[q % options.folds]]);
  }
  return out;
}

}  // namespace crossrank::eval
