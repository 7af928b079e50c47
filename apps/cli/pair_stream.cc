// Pairs of an input, a part at a time.
#include "pair_stream.h"

#include <utility>

#include "base/try.h"
#include "console.h"
#include "interrupt.h"

namespace crossrank::cli {
namespace {

// A part of the pairs is read, scored and written before the next one. 256 pairs of 80 tokens fill
// 40 batches of 512, so that sorting them by length pays, and take a few seconds at most, so that
// whoever reads our output sees it move; 8 MB bound the memory of long documents. A part ends early
// when the producer waits for its answers.
constexpr std::size_t kPartPairs = 256;
constexpr std::size_t kPartBytes = std::size_t{8} << 20;

}  // namespace

PairStream::PairStream(std::string title, Options options, LineReader reader,
                       const CrossEncoder& encoder)
    : options_(std::move(options)),
      reader_(std::move(reader)),
      encoder_(encoder),
      bar_(std::move(title), ProgressBar::Unit::kPairs, options_.quiet) {
  options_.score.cancel = &interrupted();
}

Result<void> PairStream::next(const Take& take) {
  auto read = read_part();
  auto scored = score(0, part_.size(), take);
  bar_.clear();
  scored_before_ += part_.size();
  part_start_ = reader_.bytes_consumed();
  CR_TRY(std::move(scored));
  return read;
}

void PairStream::report() const {
  if (repairs_.lines > 0) say(repairs_.report(file()));
  if (skipped_.count > 0) say(skipped_.report("line"));
}

Result<void> PairStream::read_part() {
  part_.clear();
  for (std::size_t bytes = 0; part_.size() < kPartPairs && bytes < kPartBytes;) {
    if (!part_.empty() && reader_.idle()) break;
    auto line = reader_.next();
    if (line.ok() && !*line) {
      at_end_ = true;
      break;
    }
    if (!line.ok() && line.error().code != ErrorCode::kBadInput) return std::move(line).error();
    if (line.ok() && is_blank(**line)) continue;
    const std::size_t index = next_index_++;
    auto pair = line.ok() ? parse(**line) : Result<PairRecord>(std::move(line).error());
    if (!pair.ok()) {
      CR_TRY(skip(reader_.line_number(), std::move(pair).error()));
      continue;
    }
    bytes += pair->query.size() + pair->document.size() + pair->document_json.size();
    part_.push_back({std::move(*pair), index, reader_.line_number()});
  }
  return {};
}

Result<PairRecord> PairStream::parse(std::string_view line) {
  if (options_.format == PairFormat::kAuto) {
    CR_TRY_ASSIGN(options_.format, detect_pair_format(line));
  }
  const std::string_view repaired = repair(line, options_.format == PairFormat::kJsonl,
                                           reader_.line_number(), storage_, repairs_);
  return parse_pair(repaired, options_.format, options_.wants);
}

Result<void> PairStream::skip(std::size_t line, Error error) {
  return skipped_.add(file(), line, std::move(error), options_.skip_bad);
}

// Scores part_[begin, end). If one pair cannot be scored (it is longer than --truncation allows),
// the halves are tried: the pairs around it have the same bits either way.
Result<void> PairStream::score(std::size_t begin, std::size_t end, const Take& take) {
  if (begin == end) return {};
  std::vector<TextPair> pairs;
  for (std::size_t i = begin; i < end; ++i) {
    pairs.push_back({part_[i].pair.query, part_[i].pair.document});
  }
  options_.score.first_index = part_[begin].index;
  options_.score.progress = [this, begin](std::size_t done, std::size_t) { show(begin + done); };
  auto predictions = encoder_.predict(pairs, options_.score);
  if (predictions.ok()) {
    for (std::size_t i = begin; i < end; ++i) take(part_[i], *predictions, i - begin);
    return {};
  }
  Error error = std::move(predictions).error();
  if (error.code != ErrorCode::kTooLong && error.code != ErrorCode::kInvalidArgument) {
    return error;
  }
  if (end - begin == 1) {
    // The library counts the pair, skip() names its line.
    const std::string pair = "pair " + std::to_string(part_[begin].index) + " (counting from 0): ";
    if (error.message.starts_with(pair)) error.message.erase(0, pair.size());
    error.message = with_flags(error.message);
    return skip(part_[begin].line, std::move(error));
  }
  const std::size_t middle = begin + (end - begin) / 2;
  CR_TRY(score(begin, middle, take));
  return score(middle, end, take);
}

// `done` pairs of the part are scored: the share of the input is told by its bytes.
void PairStream::show(std::size_t done) {
  double fraction = -1;
  if (const auto size = reader_.file().size(); size && *size > 0 && !part_.empty()) {
    const double share = static_cast<double>(done) / static_cast<double>(part_.size());
    const auto consumed = static_cast<double>(reader_.bytes_consumed() - part_start_);
    fraction = (static_cast<double>(part_start_) + share * consumed) / static_cast<double>(*size);
  }
  bar_.update(scored_before_ + done, fraction);
}

}  // namespace crossrank::cli
