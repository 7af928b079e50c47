// Umbrella header of crossrank. With CMake: find_package(crossrank), then link
// crossrank::crossrank, and crossrank::builtin for a program that loads "builtin".
#pragma once

#include "crossrank/cross_encoder.h"  // IWYU pragma: export
#include "crossrank/document.h"
#include "crossrank/judge.h"
#include "crossrank/machine.h"    // IWYU pragma: export
#include "crossrank/options.h"    // IWYU pragma: export
#include "crossrank/rerankers.h"  // IWYU pragma: export
#include "crossrank/result.h"     // IWYU pragma: export
#include "crossrank/tokenizer.h"  // IWYU pragma: export
#include "crossrank/version.h"    // IWYU pragma: export
