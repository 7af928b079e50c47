// Cancel flags: what the options of the public API point to.
#pragma once

#include <atomic>

namespace crossrank::base {

// `flag` may be null: then nobody can cancel.
inline bool is_cancelled(const std::atomic<bool>* flag) { return flag != nullptr && flag->load(); }

}  // namespace crossrank::base
