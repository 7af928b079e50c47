// Exchange: the once of the answer, and the race between the client's leaving and on_gone().
#include "exchange.h"

namespace crossrank::server {

Exchange::~Exchange() {
  if (answered_) return;
  reply({.status = 500,
         .body = R"({"error":"the request was dropped inside the server; this is a defect of )"
                 R"(crossrank","error_type":"Backend"})"});
}

void Exchange::reply(Reply reply) {
  if (answered_.exchange(true)) return;
  answer_(std::move(reply), facts);
}

void Exchange::on_gone(std::function<void()> callback) {
  {
    const std::scoped_lock lock(mutex_);
    if (!gone_) {
      on_gone_ = std::move(callback);
      return;
    }
  }
  callback();
}

void Exchange::client_left() {
  std::function<void()> callback;
  {
    const std::scoped_lock lock(mutex_);
    gone_ = true;
    callback = std::exchange(on_gone_, nullptr);
  }
  if (callback) callback();
}

}  // namespace crossrank::server
