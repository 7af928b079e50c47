// Fuzzes what the command shows on a terminal: no byte of a document may control it.
#include <algorithm>
#include <string>
#include <string_view>

#include "apps/cli/display.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

namespace base = crossrank::base;
namespace cli = crossrank::cli;

// Valid UTF-8 without C0, DEL, C1, Unicode line breaks and marks that reorder text.
void check_safe(std::string_view text, bool lines) {
  FUZZ_CHECK(base::is_valid_utf8(text));
  for (std::size_t pos = 0; pos < text.size();) {
    const char32_t c = base::decode_utf8(text, pos);
    FUZZ_CHECK(c >= 0x20 || (lines && c == '\n'));
    FUZZ_CHECK(c < 0x7F || c > 0x9F);
    FUZZ_CHECK(c < 0x2028 || c > 0x202E);
    FUZZ_CHECK(c < 0x2066 || c > 0x2069);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t width = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);

  const std::string shown = cli::snippet(text, width);
  check_safe(shown, /*lines=*/false);
  FUZZ_CHECK(cli::display_width(shown) <= width);
  FUZZ_CHECK(cli::snippet(shown, width) == shown);
  check_safe(cli::printable_lines(text), /*lines=*/true);

  cli::Table table({{"id"}, {"n", true}, {"text"}});
  const std::size_t half = text.size() / 2;
  table.add_row({std::string(text.substr(0, half)), "1", std::string(text.substr(half))});
  const std::string rendered = table.render(width);
  check_safe(rendered, /*lines=*/true);
  FUZZ_CHECK(std::count(rendered.begin(), rendered.end(), '\n') == 2);
  return 0;
}
