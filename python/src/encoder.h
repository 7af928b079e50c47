// Encoder: a CrossEncoder as Python objects share it. Knows nothing of Python.
#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

#include "crossrank/cross_encoder.h"

namespace crossrank::python {

// Shares ownership. The threads of a CrossEncoder do not exist in a forked child, where neither
// work nor a destructor that waits for them would ever end.
class Encoder {
 public:
  explicit Encoder(CrossEncoder encoder)
      : pid_(getpid()),
        encoder_(new CrossEncoder(std::move(encoder)), [pid = pid_](const CrossEncoder* loaded) {
          if (getpid() == pid) delete loaded;  // NOLINT: the deleter
        }) {}

  [[nodiscard]] bool usable() const { return getpid() == pid_; }
  // Error: kInvalidArgument in a forked child.
  [[nodiscard]] Result<std::shared_ptr<const CrossEncoder>> get() const {
    if (usable()) return encoder_;
    return Error{ErrorCode::kInvalidArgument,
                 "this model was loaded before the process forked, and its threads stayed in the "
                 "parent; load it in the child"};
  }
  [[nodiscard]] const ModelInfo& info() const { return encoder_->info(); }

 private:
  pid_t pid_;
  std::shared_ptr<const CrossEncoder> encoder_;
};

}  // namespace crossrank::python
