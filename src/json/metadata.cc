// to_metadata: one branch a JSON type.
#include "json/metadata.h"

#include <cstdint>
#include <string>
#include <utility>

namespace crossrank::json {

MetadataValue to_metadata(Value& value) {
  if (value.is_boolean()) return {value.get<bool>()};
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(INT64_MAX)) return {number};
    return {static_cast<std::int64_t>(number)};
  }
  if (value.is_number_integer()) return {value.get<std::int64_t>()};
  if (value.is_number_float()) return {value.get<double>()};
  if (value.is_string()) return {std::move(value.get_ref<std::string&>())};
  if (value.is_array()) {
    MetadataList list;
    list.reserve(value.size());
    for (Value& item : value) list.push_back(to_metadata(item));
    return {std::move(list)};
  }
  if (value.is_object()) {
    Metadata members;
    for (auto& item : value.items()) members.push_back({item.key(), to_metadata(item.value())});
    return {std::move(members)};
  }
  return {};
}

}  // namespace crossrank::json
