// Metrics: what a server counts.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "exchange.h"
#include "metric_families.h"
#include "micro_batcher.h"

namespace crossrank::server {

// All functions may be called from any thread.
class Metrics {
 public:
  Metrics();

  // An exchange has ended. `route` is one of the table's, or "other": labels are bounded.
  void on_exchange(const std::string& route, const Facts& facts, unsigned status,
                   Clock::duration elapsed);
  void on_batch(const std::string& model, const MicroBatchReport& report);
  void on_refused(const std::string& model);
  void on_reload(const std::string& model, bool succeeded);

  // What is asked for whenever somebody reads the metrics.
  struct ModelGauges {
    std::string model;
    std::size_t queued_jobs = 0, queued_tokens = 0, cache_entries = 0;
    double throughput = 0;
  };
  struct Gauges {
    std::size_t connections = 0, resident_bytes = 0;
    std::vector<ModelGauges> models;
  };
  // The text format, version 0.0.4.
  std::string text(const Gauges& gauges);

 private:
  using Family = MetricFamilies::Family;
  MetricFamilies families_;
  Family requests_, duration_, queue_, documents_, tokens_, pairs_, cache_hits_, batch_, fill_,
      jobs_, refused_, judged_, reloads_, connections_, queued_jobs_, queued_tokens_,
      cache_entries_, throughput_, resident_;
};

// Bytes of this process in memory; 0 when the system does not say.
std::size_t resident_bytes();

}  // namespace crossrank::server
