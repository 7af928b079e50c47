// Ctrl-C as an atomic flag.
#include "interrupt.h"

#include <csignal>

namespace crossrank::cli {
namespace {

std::atomic<bool> interrupted_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch nothing else");

extern "C" void on_sigint(int signal_number) {
  if (interrupted_flag.exchange(true)) {  // the second one: die of it, as if never handled
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
  }
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_sigint;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no SA_RESTART: a read() that waits for input must return
  sigaction(SIGINT, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

const std::atomic<bool>& interrupted() { return interrupted_flag; }

}  // namespace crossrank::cli
