// Routes: one table.
#include "routes.h"

#include <array>

#include "assets.h"

namespace crossrank::server {
namespace {

void rerank_tei(const Services& s, const ExchangePtr& e) { handle_rerank(s, e, kTei); }
void rerank_jina(const Services& s, const ExchangePtr& e) { handle_rerank(s, e, kJina); }
void rerank_cohere(const Services& s, const ExchangePtr& e) { handle_rerank(s, e, kCohere); }

void handle_page(const Services&, const ExchangePtr& exchange) {
  exchange->reply({.status = 200,
                   .body = std::string(page_html()),
                   .content_type = "text/html; charset=utf-8",
                   .headers = {{"Content-Security-Policy", std::string(page_policy())},
                               {"X-Content-Type-Options", "nosniff"},
                               {"Referrer-Policy", "no-referrer"}}});
}

void handle_openapi(const Services&, const ExchangePtr& exchange) {
  exchange->reply({.status = 200, .body = std::string(openapi_json())});
}

constexpr std::array kRoutes = {
    Route{"/rerank", "POST", rerank_tei, &kTei},
    Route{"/v1/rerank", "POST", rerank_jina, &kJina},
    Route{"/v2/rerank", "POST", rerank_cohere, &kCohere},
    Route{"/v1/hybrid", "POST", handle_hybrid, &kJina},
    Route{"/predict", "POST", handle_predict, &kTei},
    Route{"/tokenize", "POST", handle_tokenize, &kTei},
    Route{"/info", "GET", handle_info, &kTei},
    Route{"/v1/models", "GET", handle_models, &kJina},
    Route{"/healthz", "GET", handle_alive, &kTei, true},
    Route{"/readyz", "GET", handle_ready, &kTei, true},
    Route{"/health", "GET", handle_ready, &kTei, true},
    Route{"/metrics", "GET", handle_metrics, &kTei, true},
    Route{"/openapi.json", "GET", handle_openapi, &kTei, true},
    Route{"/", "GET", handle_page, &kTei, true},
};

}  // namespace

const Route* find_route(std::string_view path, std::string_view method) {
  if (method == "HEAD") method = "GET";
  for (const Route& route : kRoutes) {
    if (route.path == path && route.method == method) return &route;
  }
  return nullptr;
}

std::string methods_of(std::string_view path) {
  std::string methods;
  for (const Route& route : kRoutes) {
    if (route.path != path) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method == "GET" ? "GET, HEAD" : std::string(route.method);
  }
  return methods;
}

const Dialect& dialect_of(std::string_view path) {
  if (path.starts_with("/v1/")) return kJina;
  return path.starts_with("/v2/") ? kCohere : kTei;
}

std::string route_label(std::string_view path) {
  return std::string(methods_of(path).empty() ? "other" : path);
}

}  // namespace crossrank::server
