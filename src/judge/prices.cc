// The price file.
#include "judge/prices.h"

#include <cmath>

#include "base/blob.h"
#include "base/small_file.h"
#include "base/try.h"
#include "json/reader.h"

namespace crossrank::judge {

double Price::of(const Usage& usage) const {
  constexpr double kMillion = 1e6;
  return (input_per_million * static_cast<double>(usage.prompt_tokens) +
          output_per_million * static_cast<double>(usage.completion_tokens)) /
         kMillion;
}

Result<Price> load_price(const std::string& path, const std::string& model) {
  CR_TRY_ASSIGN(const std::string file, base::read_small_file(path));
  CR_TRY_ASSIGN(const json::Value prices,
                json::parse_object(base::Blob(path, file), ErrorCode::kBadInput));
  const json::Reader entry = json::Reader(path, prices, ErrorCode::kBadInput).member(model);
  if (entry.is_absent()) {
    return Error{ErrorCode::kInvalidArgument,
                 path + " has no price for the judge's model " + json::quote(model)};
  }
  CR_TRY(entry.expect_object());
  Price price;
  for (const auto& [name, value] : {std::pair{"input_per_million", &price.input_per_million},
                                    std::pair{"output_per_million", &price.output_per_million}}) {
    const json::Reader number = entry.member(name);
    const bool usable = number.value().is_number() && number.value().get<double>() >= 0;
    if (!usable) return number.bad("must be a number that is not negative");
    *value = number.value().get<double>();
  }
  return price;
}

}  // namespace crossrank::judge
