// MetricFamilies: one lock, and one line a number.
#include "metric_families.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace crossrank::server {
namespace {

// Backslash, quote and line feed are what the format escapes in a label's value.
void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

std::string labels_text(const MetricFamilies::Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out.append(name).append("=\"");
    append_escaped(out, value);
    out += '"';
  }
  return out;
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

void append_line(std::string& out, const std::string& name, const std::string& labels,
                 const std::string& value) {
  out += name;
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

}  // namespace

MetricFamilies::Family MetricFamilies::add(FamilyData family) {
  const std::scoped_lock lock(mutex_);
  families_.push_back(std::move(family));
  return families_.size() - 1;
}

MetricFamilies::Family MetricFamilies::add_counter(std::string name, std::string help) {
  return add({"counter", std::move(name), std::move(help), {}, {}});
}

MetricFamilies::Family MetricFamilies::add_gauge(std::string name, std::string help) {
  return add({"gauge", std::move(name), std::move(help), {}, {}});
}

MetricFamilies::Family MetricFamilies::add_histogram(std::string name, std::string help,
                                                     std::vector<double> bounds) {
  return add({"histogram", std::move(name), std::move(help), std::move(bounds), {}});
}

MetricFamilies::Series& MetricFamilies::series(Family family, const Labels& labels) {
  FamilyData& data = families_[family];
  Series& series = data.series[labels_text(labels)];
  if (data.type == "histogram") series.in_bucket.resize(data.bounds.size() + 1);
  return series;
}

void MetricFamilies::increment(Family counter, const Labels& labels, double by) {
  const std::scoped_lock lock(mutex_);
  series(counter, labels).value += by;
}

void MetricFamilies::set(Family gauge, const Labels& labels, double value) {
  const std::scoped_lock lock(mutex_);
  series(gauge, labels).value = value;
}

void MetricFamilies::observe(Family histogram, const Labels& labels, double value) {
  const std::scoped_lock lock(mutex_);
  const std::vector<double>& bounds = families_[histogram].bounds;
  Series& to = series(histogram, labels);
  to.value += value;
  ++to.in_bucket[static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), value) -
                                          bounds.begin())];
}

std::string MetricFamilies::text() const {
  const std::scoped_lock lock(mutex_);
  std::string out;
  for (const FamilyData& family : families_) {
    if (family.series.empty()) continue;
    out.append("# HELP ").append(family.name).append(" ").append(family.help).append("\n");
    out.append("# TYPE ").append(family.name).append(" ").append(family.type).append("\n");
    for (const auto& [labels, series] : family.series) {
      if (family.type != "histogram") {
        append_line(out, family.name, labels, number_text(series.value));
        continue;
      }
      std::size_t cumulated = 0;
      for (std::size_t i = 0; i < series.in_bucket.size(); ++i) {
        cumulated += series.in_bucket[i];
        std::string with_bound = labels;
        if (!labels.empty()) with_bound += ',';
        with_bound += "le=\"";
        with_bound += i < family.bounds.size() ? number_text(family.bounds[i]) : "+Inf";
        with_bound += '"';
        append_line(out, family.name + "_bucket", with_bound, std::to_string(cumulated));
      }
      append_line(out, family.name + "_sum", labels, number_text(series.value));
      append_line(out, family.name + "_count", labels, std::to_string(cumulated));
    }
  }
  return out;
}

}  // namespace crossrank::server
