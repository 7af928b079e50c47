// Files that are linked into the program; their bytes are in assets.S.
#include "assets.h"

#include <cstddef>

#define CROSSRANK_ASSET(symbol)                                         \
  extern "C" __attribute__((visibility("hidden"))) const char symbol[]; \
  extern "C" __attribute__((visibility("hidden"))) const char symbol##_end[]

CROSSRANK_ASSET(crossrank_server_page);
CROSSRANK_ASSET(crossrank_server_policy);
CROSSRANK_ASSET(crossrank_server_openapi);

namespace crossrank::server {
namespace {

std::string_view between(const char* begin, const char* end) {
  std::string_view text(begin, static_cast<std::size_t>(end - begin));
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view page_html() { return between(crossrank_server_page, crossrank_server_page_end); }
std::string_view page_policy() {
  return between(crossrank_server_policy, crossrank_server_policy_end);
}
std::string_view openapi_json() {
  return between(crossrank_server_openapi, crossrank_server_openapi_end);
}

}  // namespace crossrank::server
