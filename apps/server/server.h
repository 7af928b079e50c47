// Server: `crossrank serve`, from its options to its end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "crossrank/result.h"
#include "options.h"

namespace crossrank::server {

// Loads the first model, listens, and serves until SIGTERM or SIGINT, which let what is under way
// be answered; a second one ends at once. SIGHUP loads the models again. Errors: those of
// CrossEncoder::load, LlmJudge::create, HttpListener::open; kInternal when scoring stopped working,
// so that a supervisor starts the process again.
Result<void> serve(ServerOptions options);

}  // namespace crossrank::server
