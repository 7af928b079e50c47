// Server: puts listener, handlers, models and signals together, and takes them apart again.
#include "server.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/try.h"
#include "front_desk.h"
#include "handlers.h"
#include "http_listener.h"
#include "services.h"

namespace crossrank::server {
namespace {

namespace asio = boost::asio;

// Bodies are parsed and answers written by two threads: a large body must not make the small ones
// wait, and the cores are the batcher's.
constexpr std::size_t kHandlerThreads = 2;
// Each waits for the judge's server most of the time.
constexpr std::size_t kJudgeThreads = 16;
// Always the same one: malloc keeps for each thread what it has freed, here a model.
constexpr std::size_t kLoadThreads = 1;

json::Value describe(const ServedModel& model) {
  const ModelInfo& info = model.encoder->info();
  json::Value out = {{"model", model.name},
                     {"weights", model.digest},
                     {"precision", name_of(info.precision)},
                     {"isa", info.isa},
                     {"threads", info.threads}};
  if (info.calibration) out["calibration"] = info.calibration->file;  // for the operator
  return out;
}

class Server {
 public:
  explicit Server(ServerOptions options)
      : options_(std::move(options)),
        handlers_(kHandlerThreads),
        judges_(kJudgeThreads),
        loads_(kLoadThreads),
        signals_(io_),
        drain_limit_(io_) {}

  Result<void> run() {
    CR_TRY(start());
    io_.run();
    stop();
    if (fatal_) return Error{ErrorCode::kInternal, fatal_message_};
    return {};
  }

 private:
  Result<void> start() {
    if (options_.judge) {
      CR_TRY_ASSIGN(LlmJudge judge, LlmJudge::create(*options_.judge));
      judge_ = std::make_unique<LlmJudge>(std::move(judge));
    }
    CR_TRY_ASSIGN(models_, ModelRegistry::create(
                               options_.registry,
                               [this](const std::string& model, const MicroBatchReport& report) {
                                 metrics_.on_batch(model, report);
                               },
                               [this](const Error& error) { on_fatal(error); }));
    services_ = std::make_unique<Services>(
        Services{options_, *models_, metrics_, log_, judge_.get(), handlers_, loads_, judges_,
                 [this] { return listener_ ? listener_->connections() : 0; }});
    desk_ = std::make_unique<FrontDesk>(*services_);
    CR_TRY_ASSIGN(listener_, HttpListener::open(io_, options_.host, options_.port, host()));
    catch_signals();
    json::Value line = {{"host", options_.host}, {"port", listener_->port()}};
    CR_TRY_ASSIGN(const auto model, models_->find(""));
    line.update(describe(*model));
    line["judge"] = judge_ != nullptr;
    log_.info("listening", line);
    return {};
  }

  HttpHost host() {
    HttpHost host;
    host.limits = options_.http;
    host.screen = [this](const RequestHead& head) { return desk_->screen(head); };
    host.handle = [this](std::shared_ptr<Exchange> e) { desk_->handle(std::move(e)); };
    host.error = [this](std::string_view path, unsigned status, const std::string& message) {
      return desk_->protocol_error(path, status, message);
    };
    host.decorate = [this](const RequestHead& head, Reply& r) { desk_->decorate(head, r); };
    host.done = [this](const RequestHead& head, const Facts& facts, unsigned status,
                       std::size_t bytes_in, std::size_t bytes_out, Clock::duration elapsed) {
      desk_->done(head, facts, status, bytes_in, bytes_out, elapsed);
    };
    return host;
  }

  void catch_signals() {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    signals_.add(SIGHUP);
    await_signal();
  }

  void await_signal() {
    signals_.async_wait([this](boost::system::error_code error, int number) {
      if (error) return;
      if (number == SIGHUP) {
        // Several in a row are one; and who stops needs no new model.
        if (!draining_ && !reload_waits_.exchange(true)) asio::post(loads_, [this] { reload(); });
      } else if (draining_) {  // the second one: die of it, as if never handled
        std::signal(number, SIG_DFL);
        std::raise(number);
      } else {
        log_.info("stopping", {{"signal", number == SIGINT ? "SIGINT" : "SIGTERM"}});
        drain();
      }
      await_signal();
    });
  }

  void reload() {
    reload_waits_ = false;
    models_->reload([this](const std::string& name, const Result<const ServedModel*>& model) {
      metrics_.on_reload(name, model.ok());
      if (model.ok()) return log_.info("reloaded", describe(**model));
      log_.error("reload failed", {{"model", name}, {"message", model.error().message}});
    });
  }

  // On the I/O's thread.
  void drain() {
    draining_ = true;
    drain_limit_.expires_after(options_.http.request_timeout);
    drain_limit_.async_wait([this](boost::system::error_code error) {
      if (!error) io_.stop();
    });
    listener_->stop([this] { io_.stop(); });
  }

  // On a batcher's thread.
  void on_fatal(const Error& error) {
    log_.error("scoring stopped working", {{"message", error.message}});
    asio::post(io_, [this, message = error.message] {
      fatal_ = true;
      fatal_message_ = "scoring stopped working: " + message;
      if (listener_ && !draining_) drain();
    });
  }

  // Nothing is answered any more. First whoever makes work, then whoever does it: a batcher hands
  // its jobs to the handlers, a handler may hand on to the judges.
  void stop() {
    signals_.clear();  // another one kills
    loads_.stop();
    loads_.join();
    models_->shut_down();
    handlers_.join();
    judges_.join();
    log_.info("stopped");
  }

  ServerOptions options_;
  Log log_;
  Metrics metrics_;
  asio::io_context io_{1};
  asio::thread_pool handlers_;
  asio::thread_pool judges_;
  asio::thread_pool loads_;
  std::atomic<bool> reload_waits_{false};
  asio::signal_set signals_;
  asio::steady_timer drain_limit_;
  std::unique_ptr<LlmJudge> judge_;
  std::unique_ptr<ModelRegistry> models_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<FrontDesk> desk_;
  std::unique_ptr<HttpListener> listener_;
  // The rest is touched by the thread of the I/O alone.
  bool draining_ = false;
  bool fatal_ = false;
  std::string fatal_message_;
};

}  // namespace

Result<void> serve(ServerOptions options) {
#ifdef __GLIBC__
  // Bodies and answers go back to the system as they are freed. By itself glibc takes the size of
  // each as a reason to keep the next one.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
  return Server(std::move(options)).run();
}

}  // namespace crossrank::server
