// Requests over libcurl, each on a connection of its own. Knows no prompts.
#pragma once

#include <string>

#include "crossrank/judge.h"
#include "crossrank/result.h"

namespace crossrank::judge {

struct TransportOptions {
  std::string proxy;
  std::string ca_bundle;
};

// A transport for any number of threads. Redirects are not followed: they would take the key along.
// Answers are read up to 1 MB; a longer one keeps its status and has an error. Error: kNetwork
// without libcurl.
Result<JudgeTransport> curl_transport(TransportOptions options);

}  // namespace crossrank::judge
