// Opening libcurl with dlopen, or taking the one that the portable wheel has linked in.
#include "base/curl_api.h"

#include <dlfcn.h>

#include <array>
#include <string>

namespace crossrank::base {
namespace {

struct Loaded {
  CurlApi api{};
  std::string problem;  // "" = usable
};

#ifdef CROSSRANK_CURL_STATIC
// Where Debian and Alpine, Fedora, openSUSE, and FreeBSD's layout keep them.
constexpr std::array kCaBundles = {"/etc/ssl/certs/ca-certificates.crt",
                                   "/etc/pki/tls/certs/ca-bundle.crt",
                                   "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                   "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

Loaded load() {
  Loaded loaded;
  loaded.api = {.easy_init = &::curl_easy_init,
                .easy_setopt = &::curl_easy_setopt,
                .easy_getinfo = &::curl_easy_getinfo,
                .easy_cleanup = &::curl_easy_cleanup,
                .easy_strerror = &::curl_easy_strerror,
                .slist_append = &::curl_slist_append,
                .slist_free_all = &::curl_slist_free_all,
                .multi_init = &::curl_multi_init,
                .multi_add_handle = &::curl_multi_add_handle,
                .multi_remove_handle = &::curl_multi_remove_handle,
                .multi_perform = &::curl_multi_perform,
                .multi_poll = &::curl_multi_poll,
                .multi_info_read = &::curl_multi_info_read,
                .multi_cleanup = &::curl_multi_cleanup,
                .url = &::curl_url,
                .url_set = &::curl_url_set,
                .url_get = &::curl_url_get,
                .url_cleanup = &::curl_url_cleanup,
                .free = &::curl_free,
                .ca_bundles = kCaBundles};
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    loaded.problem = "libcurl could not be initialised.";
  }
  return loaded;
}
#else
void* open_library() {
  // OpenSSL flavour, GnuTLS flavour, development link.
  for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"}) {
    if (void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return handle;
  }
  return nullptr;
}

Loaded load() {
  Loaded loaded;
  void* library = open_library();  // stays open: threads may be inside it until the process ends
  if (library == nullptr) {
    loaded.problem = "libcurl could not be opened. Install it (Debian and Ubuntu: libcurl4).";
    return loaded;
  }
  const auto find = [&]<typename Function>(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr && loaded.problem.empty()) {
      loaded.problem = std::string("libcurl is too old: it has no ") + name +
                       ". Install 7.66 or newer (Debian and Ubuntu: libcurl4).";
    }
  };
  CurlApi& api = loaded.api;
  decltype(&::curl_global_init) global_init = nullptr;
  find("curl_global_init", global_init);
  find("curl_easy_init", api.easy_init);
  find("curl_easy_setopt", api.easy_setopt);
  find("curl_easy_getinfo", api.easy_getinfo);
  find("curl_easy_cleanup", api.easy_cleanup);
  find("curl_easy_strerror", api.easy_strerror);
  find("curl_slist_append", api.slist_append);
  find("curl_slist_free_all", api.slist_free_all);
  find("curl_multi_init", api.multi_init);
  find("curl_multi_add_handle", api.multi_add_handle);
  find("curl_multi_remove_handle", api.multi_remove_handle);
  find("curl_multi_perform", api.multi_perform);
  find("curl_multi_poll", api.multi_poll);
  find("curl_multi_info_read", api.multi_info_read);
  find("curl_multi_cleanup", api.multi_cleanup);
  find("curl_url", api.url);
  find("curl_url_set", api.url_set);
  find("curl_url_get", api.url_get);
  find("curl_url_cleanup", api.url_cleanup);
  find("curl_free", api.free);
  if (loaded.problem.empty() && global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    loaded.problem = "libcurl could not be initialised.";
  }
  return loaded;
}
#endif

}  // namespace

Result<const CurlApi*> curl_api() {
  static const Loaded kLoaded = load();  // once, whichever thread comes first
  if (!kLoaded.problem.empty()) return Error{ErrorCode::kNetwork, kLoaded.problem};
  return &kLoaded.api;
}

}  // namespace crossrank::base
