// to_metadata: a JSON value as a document's metadata.
#pragma once

#include "crossrank/document.h"
#include "json/json.h"

namespace crossrank::json {

// Takes strings out of `value`. Its depth is bounded by parse().
MetadataValue to_metadata(Value& value);

}  // namespace crossrank::json
