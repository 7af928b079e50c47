// FrontDesk: what the listener asks about a request before its handler sees it, and tells after.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dialects.h"
#include "exchange.h"
#include "services.h"

namespace crossrank::server {

class FrontDesk {
 public:
  explicit FrontDesk(const Services& services);

  // The answer to a request that needs no handler: a path or method that is not there, a key that
  // is missing, a body of another type, a preflight of CORS. On the I/O's thread.
  std::optional<Reply> screen(const RequestHead& head) const;
  // Has the exchange answered by its route, on Services::handlers.
  void handle(std::shared_ptr<Exchange> exchange) const;
  Reply protocol_error(std::string_view path, unsigned status, const std::string& message) const;
  void decorate(const RequestHead& head, Reply& reply) const;
  void done(const RequestHead& head, const Facts& facts, unsigned status, std::size_t bytes_in,
            std::size_t bytes_out, Clock::duration elapsed) const;

 private:
  bool has_key(const RequestHead& head) const;

  const Services& services_;
  std::vector<std::string> key_digests_;
};

}  // namespace crossrank::server
