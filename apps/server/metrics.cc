// Metrics: the families, and what is counted when.
#include "metrics.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <vector>

namespace crossrank::server {
namespace {

// From a GET to a thousand documents.
const std::vector<double> kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                      0.5,   1,      2.5,   5,    10,    30,   60};
const std::vector<double> kDocuments = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000};
const std::vector<double> kFill = {0.1, 0.25, 0.5, 0.75, 0.9, 1, 2};

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }
double real(std::size_t count) { return static_cast<double>(count); }

}  // namespace

Metrics::Metrics()
    : requests_(families_.add_counter(
          "crossrank_requests_total",
          "Requests that ended, by route, dialect and status; 499: the client left first")),
      duration_(families_.add_histogram("crossrank_request_duration_seconds",
                                        "From the first byte of a request to its answer",
                                        kSeconds)),
      queue_(families_.add_histogram("crossrank_queue_duration_seconds",
                                     "From the arrival of a request to its first micro-batch",
                                     kSeconds)),
      documents_(families_.add_histogram("crossrank_request_documents", "Documents of a request",
                                         kDocuments)),
      tokens_(families_.add_counter("crossrank_tokens_total", "Tokens that models scored")),
      pairs_(families_.add_counter("crossrank_pairs_total",
                                   "Pairs that models scored, without those from the cache")),
      cache_hits_(
          families_.add_counter("crossrank_cache_hits_total", "Pairs whose score the cache had")),
      batch_(families_.add_histogram("crossrank_batch_duration_seconds", "Time of a micro-batch",
                                     kSeconds)),
      fill_(families_.add_histogram("crossrank_batch_fill_ratio",
                                    "Tokens of a micro-batch over its budget", kFill)),
      jobs_(families_.add_histogram("crossrank_batch_requests", "Requests that share a micro-batch",
                                    kDocuments)),
      refused_(families_.add_counter("crossrank_refused_total",
                                     "Requests refused because too much waits")),
      judged_(families_.add_counter("crossrank_judge_outcomes_total",
                                    "Rankings by what became of the judging")),
      reloads_(families_.add_counter("crossrank_reloads_total", "Reloads of a model")),
      connections_(families_.add_gauge("crossrank_connections", "Open connections")),
      queued_jobs_(
          families_.add_gauge("crossrank_queue_requests", "Requests with pairs that wait")),
      queued_tokens_(families_.add_gauge("crossrank_queue_tokens", "Tokens that wait, estimated")),
      cache_entries_(families_.add_gauge("crossrank_cache_entries", "Scores in the cache")),
      throughput_(families_.add_gauge("crossrank_throughput_tokens_per_second",
                                      "Of the last micro-batches, estimated")),
      resident_(families_.add_gauge("crossrank_resident_memory_bytes", "Memory of the process")) {}

void Metrics::on_exchange(const std::string& route, const Facts& facts, unsigned status,
                          Clock::duration elapsed) {
  families_.increment(
      requests_,
      {{"route", route}, {"dialect", facts.dialect}, {"status", std::to_string(status)}});
  families_.observe(duration_, {{"route", route}}, seconds(elapsed));
  if (facts.documents > 0) {
    if (facts.queued) families_.observe(queue_, {}, seconds(*facts.queued));
    families_.observe(documents_, {}, real(facts.documents));
  }
  if (!facts.judge_outcome.empty()) {
    families_.increment(judged_, {{"outcome", facts.judge_outcome}});
  }
}

void Metrics::on_batch(const std::string& model, const MicroBatchReport& report) {
  const MetricFamilies::Labels labels = {{"model", model}};
  families_.increment(tokens_, labels, real(report.tokens));
  families_.increment(pairs_, labels, real(report.pairs));
  families_.increment(cache_hits_, labels, real(report.cache_hits));
  if (report.pairs == 0) return;
  families_.observe(batch_, labels, seconds(report.elapsed));
  families_.observe(fill_, labels, report.fill);
  families_.observe(jobs_, labels, real(report.jobs));
}

void Metrics::on_refused(const std::string& model) {
  families_.increment(refused_, {{"model", model}});
}

void Metrics::on_reload(const std::string& model, bool succeeded) {
  families_.increment(reloads_, {{"model", model}, {"result", succeeded ? "done" : "failed"}});
}

std::string Metrics::text(const Gauges& gauges) {
  families_.set(connections_, {}, real(gauges.connections));
  for (const ModelGauges& one : gauges.models) {
    const MetricFamilies::Labels labels = {{"model", one.model}};
    families_.set(queued_jobs_, labels, real(one.queued_jobs));
    families_.set(queued_tokens_, labels, real(one.queued_tokens));
    families_.set(cache_entries_, labels, real(one.cache_entries));
    families_.set(throughput_, labels, one.throughput);
  }
  families_.set(resident_, {}, real(gauges.resident_bytes));
  return families_.text();
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  if (!(statm >> total >> resident)) return 0;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace crossrank::server
