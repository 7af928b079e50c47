// Umbrella header of crossrank.
#pragma once

#include "crossrank/cross_encoder.h"  // IWYU pragma: export
#include "crossrank/document.h"
#include "crossrank/machine.h"    // IWYU pragma: export
#include "crossrank/options.h"    // IWYU pragma: export
#include "crossrank/rerankers.h"  // IWYU pragma: export
#include "crossrank/result.h"     // IWYU pragma: export
#include "crossrank/tokenizer.h"  // IWYU pragma: export
#include "crossrank/version.h"    // IWYU pragma: export
