// ShardIndex: what model.safetensors.index.json says, for the layers that fetch, list and load it.
// Opens no shard.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/blob.h"
#include "crossrank/result.h"

namespace crossrank::json {

// Real ones have up to 1 MB.
inline constexpr std::size_t kMaxIndexBytes = std::size_t{16} << 20;

struct ShardIndex {
  std::vector<std::string> files;                            // sorted, no file twice; not empty
  std::vector<std::pair<std::string, std::size_t>> tensors;  // each with its place in `files`
};

// Error: kBadSafetensors when `file` is larger than kMaxIndexBytes, malformed, has a tensor twice,
// or names more than 1000 files or anything but *.safetensors files beside itself.
Result<ShardIndex> parse_shard_index(const base::Blob& file);

}  // namespace crossrank::json
