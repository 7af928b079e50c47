// Requests over libcurl, each on a connection of its own. Knows no prompts.
#pragma once

#include <chrono>
#include <string>

#include "crossrank/judge.h"
#include "crossrank/result.h"

namespace crossrank::judge {

struct TransportOptions {
  std::string proxy;
  std::string ca_bundle;
  std::chrono::milliseconds connect{10'000};  // whoever is there takes a connection sooner
};

// A transport for any number of threads. A reply has timed out when the request's time is over; a
// connection that takes too long is an error before that.
// Redirects are not followed: they would take the key along.
// Answers are read up to 1 MB; a longer one keeps its status and has an error. Error: kNetwork
// without libcurl.
Result<JudgeTransport> curl_transport(TransportOptions options);

}  // namespace crossrank::judge
