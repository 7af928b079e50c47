// Certificates from the environment and from the places where distributions keep them.
#include "base/ca_bundle.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace crossrank::base {

std::string default_ca_bundle(std::span<const char* const> known) {
  // Not looked at any further: a file that was named and is not there is libcurl's error to give.
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (const char* file = std::getenv(name); file != nullptr && *file != '\0') return file;
  }
  for (const char* file : known) {
    std::error_code error;
    if (std::filesystem::exists(file, error)) return file;
  }
  return "";
}

}  // namespace crossrank::base
