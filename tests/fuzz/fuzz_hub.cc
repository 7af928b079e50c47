// Fuzzes what a hub answers: heads line by line, Content-Range, the listing of a model, the index
// of its shards. No network.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/http_client.h"
#include "base/utf8.h"
#include "hub/blob_store.h"
#include "hub/hub_cache.h"
#include "hub/hub_client.h"
#include "json/shard_index.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using crossrank::Error;
using crossrank::ErrorCode;
using crossrank::Result;
namespace base = crossrank::base;
namespace hub = crossrank::hub;
namespace json = crossrank::json;

void check_error(const Error& error, ErrorCode code) {
  FUZZ_CHECK(error.code == code);
  FUZZ_CHECK(!error.message.empty() && error.message.size() < 1000);
  FUZZ_CHECK(base::is_valid_utf8(error.message));
}

bool is_trimmed(const std::string& value) {
  constexpr std::string_view kBlank = " \t\r\n";
  return value.empty() ||
         (kBlank.find(value.front()) == kBlank.npos && kBlank.find(value.back()) == kBlank.npos);
}

void check_head(std::string_view text) {
  base::HttpReply reply;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    base::read_header(reply, text.substr(0, end));
    text.remove_prefix(end);
    FUZZ_CHECK(reply.status >= 0 && reply.status <= 999);
  }
  FUZZ_CHECK(reply.headers.size() <= 200);
  for (const auto& [name, value] : reply.headers) {
    FUZZ_CHECK(name.size() + value.size() <= 8u << 10 && is_trimmed(name) && is_trimmed(value));
    FUZZ_CHECK(std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
  }
  FUZZ_CHECK(reply.redirect.empty());  // curl's to say
}

void check_range(std::string_view text) {
  const std::optional<std::uint64_t> start = hub::range_start(text);
  if (!start) return;
  FUZZ_CHECK(text.starts_with("bytes "));
  FUZZ_CHECK(text.find(std::to_string(*start) + "-") != text.npos);
}

void check_listing(std::string_view text) {
  const Result<hub::Listing> listing = hub::parse_listing(text);
  if (!listing.ok()) return check_error(listing.error(), ErrorCode::kNetwork);
  FUZZ_CHECK(hub::is_commit(listing->commit));
  for (const std::string& file : listing->files) FUZZ_CHECK(base::is_valid_utf8(file));
}

void check_shards(std::string_view text) {
  const auto index = json::parse_shard_index(base::Blob("index.json", text));
  if (!index.ok()) return check_error(index.error(), ErrorCode::kBadSafetensors);
  FUZZ_CHECK(!index->files.empty() && std::is_sorted(index->files.begin(), index->files.end()));
  for (const auto& [tensor, place] : index->tensors) FUZZ_CHECK(place < index->files.size());
  for (const std::string& name : index->files) {  // it becomes a path beside the index
    FUZZ_CHECK(name.ends_with(".safetensors") && !name.starts_with('.'));
    FUZZ_CHECK(name.find_first_of("/\\") == name.npos && name.find('\0') == name.npos);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_head(input);
  check_range(input);
  check_listing(input);
  check_shards(input);
  return 0;
}
