// A report's data in its page. How it looks is apps/cli/report's.
#include "report_page.h"

// NOLINTBEGIN(readability-identifier-naming): the names of report_pages.S
extern "C" {
__attribute__((visibility("hidden"))) extern const char crossrank_report_page[];
__attribute__((visibility("hidden"))) extern const char crossrank_report_page_end[];
__attribute__((visibility("hidden"))) extern const char crossrank_calibration_page[];
__attribute__((visibility("hidden"))) extern const char crossrank_calibration_page_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace crossrank::cli {
namespace {

// Inside <script>: "<" could end the element, and the two line breaks that JavaScript knows and
// JSON does not are no business of ours.
std::string escape_for_script(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = json.substr(i);
    if (json[i] == '<') {
      out += "\\u003c";
    } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
      out += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += json[i];
    }
  }
  return out;
}

std::string filled(const char* begin, const char* end, std::string_view json) {
  constexpr std::string_view kPlace = "@DATA@";
  const std::string_view page(begin, static_cast<std::size_t>(end - begin));
  const std::size_t place = page.find(kPlace);  // build.mjs sees to it that it is there, once
  std::string out(page.substr(0, place));
  out += escape_for_script(json);
  return out.append(page.substr(place + kPlace.size()));
}

}  // namespace

std::string eval_page(std::string_view json) {
  return filled(crossrank_report_page, crossrank_report_page_end, json);
}

std::string calibration_page(std::string_view json) {
  return filled(crossrank_calibration_page, crossrank_calibration_page_end, json);
}

}  // namespace crossrank::cli
