// MetricFamilies: the text that Prometheus reads. Its own parser reads it in clients_test.py.
#include "apps/server/metric_families.h"

#include <gtest/gtest.h>

namespace crossrank::server {
namespace {

TEST(MetricFamilies, WriteTheTextFormat) {
  MetricFamilies families;
  const auto requests = families.add_counter("requests_total", "Requests");
  const auto waiting = families.add_gauge("waiting", "What waits");
  const auto seconds = families.add_histogram("seconds", "Time", {0.5, 1});
  families.add_counter("never_total", "Of which there is no series yet");
  families.increment(requests, {{"route", "/a"}, {"status", "200"}});
  families.increment(requests, {{"route", "/a"}, {"status", "200"}}, 2);
  families.increment(requests, {{"route", "x\"\\\n"}});
  families.set(waiting, {}, 2.5);
  for (const double value : {0.25, 0.5, 0.75, 8.0}) families.observe(seconds, {{"m", "a"}}, value);
  EXPECT_EQ(families.text(),
            "# HELP requests_total Requests\n"
            "# TYPE requests_total counter\n"
            "requests_total{route=\"/a\",status=\"200\"} 3\n"
            "requests_total{route=\"x\\\"\\\\\\n\"} 1\n"
            "# HELP waiting What waits\n"
            "# TYPE waiting gauge\n"
            "waiting 2.5\n"
            "# HELP seconds Time\n"
            "# TYPE seconds histogram\n"
            "seconds_bucket{m=\"a\",le=\"0.5\"} 2\n"  // a bound belongs to its bucket
            "seconds_bucket{m=\"a\",le=\"1\"} 3\n"
            "seconds_bucket{m=\"a\",le=\"+Inf\"} 4\n"
            "seconds_sum{m=\"a\"} 9.5\n"
            "seconds_count{m=\"a\"} 4\n");
}

}  // namespace
}  // namespace crossrank::server
