// Which file of certificates counts when the caller named none.
#pragma once

#include <span>
#include <string>

namespace crossrank::base {

// What CURL_CA_BUNDLE or else SSL_CERT_FILE names, as in curl's own command; else the first of
// `known` that exists; else "": libcurl's own.
std::string default_ca_bundle(std::span<const char* const> known);

}  // namespace crossrank::base
