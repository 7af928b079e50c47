// What LoadOptions says about computing, in the terms of the layers below.
#pragma once

#include <cstddef>
#include <memory>

#include "base/thread_pool.h"
#include "crossrank/options.h"
#include "crossrank/result.h"
#include "kernels/dispatch.h"

namespace crossrank::engine {

// kInvalidArgument for a value that is no Precision.
Result<kernels::Arithmetic> arithmetic_of(Precision precision);

// 0 = the CPUs that are granted. kInvalidArgument above 1,024.
Result<std::size_t> thread_count(std::size_t asked);

// kOverloaded when the system refuses them.
Result<std::unique_ptr<base::ThreadPool>> start_threads(std::size_t threads);

}  // namespace crossrank::engine
