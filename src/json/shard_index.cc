// ShardIndex: the names in it become paths, so they are checked here and nowhere else.
#include "json/shard_index.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "json/json.h"

namespace crossrank::json {
namespace {

constexpr std::size_t kMaxShards = 1000;
constexpr std::size_t kMaxNameBytes = 200;  // file systems take 255, a download adds to it

// Printable ASCII without slashes: a plain name in the index's own folder, on every system.
bool is_shard_name(std::string_view name) {
  return name.size() <= kMaxNameBytes && name.ends_with(".safetensors") && !name.starts_with('.') &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '/' && c != '\\'; });
}

}  // namespace

Result<ShardIndex> parse_shard_index(const base::Blob& file) {
  const auto bad = [&](const std::string& what) {
    return Error{ErrorCode::kBadSafetensors,
                 file.name() + ": " + what + ". Download or convert the model again."};
  };
  if (file.bytes().size() > kMaxIndexBytes) return bad("it exceeds 16 MB");
  const Result<Value> index = parse(file.bytes(), {.duplicates = Duplicates::kReject});
  if (!index.ok()) return bad(index.error().message);
  const auto map = index->is_object() ? index->find("weight_map") : index->end();
  if (map == index->end() || !map->is_object() || map->empty()) {
    return bad("there is no object `weight_map` that maps tensors to files");
  }
  std::map<std::string, std::size_t> places;  // in file name order
  for (const auto& [tensor, name] : map->items()) {
    const std::string where = "weight_map of tensor " + quote(tensor);
    if (!name.is_string()) return bad(where + " is not a string");
    const auto& text = name.get_ref<const std::string&>();
    if (!is_shard_name(text)) {
      return bad(where + " names " + quote(text) +
                 ", which is not the name of a .safetensors file beside the index");
    }
    places.emplace(text, 0);
    if (places.size() > kMaxShards) return bad("it names more than 1000 files");
  }
  ShardIndex out;
  for (auto& [name, place] : places) {
    place = out.files.size();
    out.files.push_back(name);
  }
  for (const auto& [tensor, name] : map->items()) {
    out.tensors.emplace_back(tensor, places.at(name.get_ref<const std::string&>()));
  }
  return out;
}

}  // namespace crossrank::json
