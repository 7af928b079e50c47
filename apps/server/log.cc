// The server's log: spdlog writes in the background, dropping the oldest lines when it cannot.
#include "log.h"

#include <chrono>
#include <string>

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace crossrank::server {
namespace {

constexpr std::size_t kQueuedLines = 8192;

std::string line(std::string_view level, std::string_view event, const json::Value& members) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  json::Value out = {
      {"ts",
       static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) /
           1000},
      {"level", level},
      {"event", event}};
  for (const auto& item : members.items()) out[item.key()] = item.value();
  return json::dump(out);
}

}  // namespace

struct Log::Impl {
  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1);
  std::shared_ptr<spdlog::async_logger> logger = std::make_shared<spdlog::async_logger>(
      "crossrank", std::make_shared<spdlog::sinks::stderr_sink_mt>(), pool,
      spdlog::async_overflow_policy::overrun_oldest);
};

Log::Log() : impl_(std::make_unique<Impl>()) {
  impl_->logger->set_pattern("%v");
  impl_->logger->flush_on(spdlog::level::info);
}

Log::~Log() = default;

void Log::info(std::string_view event, const json::Value& members) {
  impl_->logger->info("{}", line("info", event, members));
}

void Log::error(std::string_view event, const json::Value& members) {
  impl_->logger->error("{}", line("error", event, members));
}

}  // namespace crossrank::server
