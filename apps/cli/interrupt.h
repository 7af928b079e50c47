// Ctrl-C: the first one sets a flag that long work polls, the second one kills the process.
#pragma once

#include <atomic>

namespace crossrank::cli {

// Handles SIGINT, and ignores SIGPIPE so that a closed pipe is an error of write(), not a signal.
void install_signal_handlers();

// Set by the first Ctrl-C. The one mutable global of the program: a signal handler sees no other.
const std::atomic<bool>& interrupted();

}  // namespace crossrank::cli
