// MetricFamilies: counters, gauges and histograms with labels, and their Prometheus text. Knows
// nothing of servers.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace crossrank::server {

// Why not prometheus-cpp: Debian has it as a shared library alone, and the command must run where
// nothing was installed. The text format is 3 kinds of lines; tests read it with Prometheus' own
// parser. Functions may be called from any thread, but for add_*, which come first.
class MetricFamilies {
 public:
  using Family = std::size_t;
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;  // name, value

  // `name` and `help` need no escaping.
  Family add_counter(std::string name, std::string help);
  Family add_gauge(std::string name, std::string help);
  // `bounds` rise; the one at infinity is added.
  Family add_histogram(std::string name, std::string help, std::vector<double> bounds);

  void increment(Family counter, const Labels& labels, double by = 1);
  void set(Family gauge, const Labels& labels, double value);
  void observe(Family histogram, const Labels& labels, double value);

  // The text format, version 0.0.4.
  std::string text() const;

 private:
  struct Series {
    double value = 0;                    // of a histogram: the sum
    std::vector<std::size_t> in_bucket;  // not cumulative; the last one is beyond all bounds
  };
  struct FamilyData {
    std::string type, name, help;
    std::vector<double> bounds;
    std::map<std::string, Series> series;  // by their labels as text, without braces
  };
  Family add(FamilyData family);
  Series& series(Family family, const Labels& labels);

  mutable std::mutex mutex_;
  std::deque<FamilyData> families_;  // guarded by mutex_
};

}  // namespace crossrank::server
