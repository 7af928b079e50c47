// The server's log: spdlog writes in the background, dropping the oldest lines when it cannot.
#include "log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <mutex>
#include <string>

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>

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

// Standard error, but for lines that nobody takes: those are lost. spdlog's own sink would wait for
// ever, and the end of the process with it.
class PatientSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    std::string_view rest(text.data(), text.size());
    while (!rest.empty()) {
      // A pipe that says that there is room takes PIPE_BUF bytes without waiting.
      pollfd out = {STDERR_FILENO, POLLOUT, 0};
      stuck_ = ::poll(&out, 1, stuck_ ? 0 : kPatienceMs) == 0;
      if (stuck_) return;
      const ssize_t n =
          ::write(STDERR_FILENO, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
      if (n < 0 && errno != EINTR) return;
      if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void flush_() override {}

 private:
  static constexpr int kPatienceMs = 1000;
  bool stuck_ = false;  // the last line was lost: the next one is not waited for
};

}  // namespace

struct Log::Impl {
  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1);
  std::shared_ptr<spdlog::async_logger> logger =
      std::make_shared<spdlog::async_logger>("crossrank", std::make_shared<PatientSink>(), pool,
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
