// CurlApi: libcurl as a table of function pointers, opened at first use. Knows nothing of HTTP.
#pragma once

#include <curl/curl.h>  // types and constants: only the portable wheel links libcurl

#include <span>

#include "crossrank/result.h"

namespace crossrank::base {

// The functions we call, under curl's names without "curl_". Calls through the table bypass curl's
// type-checking macros: integer options take a long.
struct CurlApi {
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_perform) multi_perform;
  decltype(&::curl_multi_poll) multi_poll;
  decltype(&::curl_multi_info_read) multi_info_read;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_url) url;
  decltype(&::curl_url_set) url_set;
  decltype(&::curl_url_get) url_get;
  decltype(&::curl_url_cleanup) url_cleanup;
  decltype(&::curl_free) free;
  // Files of trusted certificates, the first that exists counts. Empty: this libcurl was made for
  // this system and knows them itself.
  std::span<const char* const> ca_bundles;
};

// The table, initialised (curl_global_init) and valid until the process ends. Any thread may call
// this. Error: kNetwork, naming the package to install; it is the same at every call.
Result<const CurlApi*> curl_api();

}  // namespace crossrank::base
