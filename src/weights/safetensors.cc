// safetensors: 8 bytes of header length (little-endian), a JSON header, the tensors' bytes end to
// end.
#include "weights/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/try.h"
#include "json/json.h"

namespace crossrank::weights {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxHeader = 100'000'000;  // the reference implementation's own limit

struct Entry {
  std::string name;
  TensorView view;
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::string range(const Entry& e) {
  return "[" + std::to_string(e.begin) + ", " + std::to_string(e.end) + ")";
}

// A JSON array of non-negative integers, or nothing.
std::optional<std::vector<std::size_t>> sizes(const json::Value& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<std::size_t> out;
  for (const json::Value& item : value) {
    if (!item.is_number_unsigned()) return std::nullopt;  // -1, 1.0 and 1e30 are not
    out.push_back(item.get<std::size_t>());
  }
  return out;
}

// Bytes of a tensor, or nothing when they do not fit a size_t; of an unknown dtype its elements.
// With a zero in the shape the other dimensions must fit all the same, so that no caller multiplies
// them into an overflow.
std::optional<std::size_t> byte_size(DType dtype, const std::vector<std::size_t>& shape) {
  std::size_t size = std::max<std::size_t>(dtype_bytes(dtype), 1);
  bool zero = false;
  for (const std::size_t d : shape) {
    zero = zero || d == 0;
    if (d != 0 && __builtin_mul_overflow(size, d, &size)) return std::nullopt;
  }
  return zero ? 0 : size;
}

class Parser {
 public:
  explicit Parser(const base::Blob& file) : file_(file) {}

  Result<TensorMap> parse() {
    CR_TRY_ASSIGN(const std::string_view header, header_text());
    const json::ParseOptions options{.max_depth = 8, .duplicates = json::Duplicates::kReject};
    const Result<json::Value> value = json::parse(header, options);
    if (!value.ok()) {
      return bad("the header (from byte 8 of the file) is refused: " + value.error().message);
    }
    std::vector<Entry> entries;
    for (const auto& item : value->items()) {
      if (item.key() == "__metadata__") {
        CR_TRY(check_metadata(item.value()));
      } else {
        CR_TRY_ASSIGN(Entry entry, read_entry(item.key(), item.value()));
        entries.push_back(std::move(entry));
      }
    }
    CR_TRY(check_layout(entries));
    TensorMap tensors;
    for (Entry& e : entries) tensors.emplace(std::move(e.name), std::move(e.view));
    return tensors;
  }

 private:
  Error bad(const std::string& what) const {
    return {ErrorCode::kBadSafetensors, file_.name() + ": " + what +
                                            ". The file is damaged or not a safetensors file; "
                                            "download or convert it again."};
  }

  static std::string tensor(const std::string& name) { return "tensor " + json::quote(name); }

  Result<std::string_view> header_text() {
    const std::string_view bytes = file_.bytes();
    if (bytes.size() < kLengthBytes) {
      return bad("only " + std::to_string(bytes.size()) +
                 " bytes, shorter than the 8 bytes of the "
                 "header's length");
    }
    std::uint64_t length = 0;
    for (std::size_t i = kLengthBytes; i-- > 0;) {
      length = length << 8 | static_cast<unsigned char>(bytes[i]);
    }
    if (length > kMaxHeader) {
      return bad("a header of " + std::to_string(length) + " bytes is announced, the limit is " +
                 std::to_string(kMaxHeader));
    }
    if (length > bytes.size() - kLengthBytes) {
      return bad("a header of " + std::to_string(length) + " bytes is announced, but only " +
                 std::to_string(bytes.size() - kLengthBytes) + " bytes follow");
    }
    data_ = bytes.substr(kLengthBytes + length);
    const std::string_view header = bytes.substr(kLengthBytes, length);
    if (header.empty() || header[0] != '{') return bad("the header does not start with '{'");
    return header;
  }

  Result<void> check_metadata(const json::Value& value) const {
    if (!value.is_object()) return bad("__metadata__ is not an object");
    for (const auto& item : value.items()) {
      if (!item.value().is_string()) {
        return bad("__metadata__ key " + json::quote(item.key()) + " is not a string");
      }
    }
    return {};
  }

  Result<Entry> read_entry(const std::string& name, const json::Value& value) const {
    if (!value.is_object()) return bad(tensor(name) + " is not an object");
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      if (!value.contains(key)) return bad(tensor(name) + " has no " + key);
    }
    const json::Value& dtype_value = value["dtype"];
    if (!dtype_value.is_string()) return bad(tensor(name) + ": dtype is not a string");
    const std::string& dtype_text = dtype_value.get_ref<const std::string&>();
    // The format gains types over time. One that nobody needs here may be of any.
    const DType dtype = dtype_from_name(dtype_text).value_or(DType::kOther);

    std::optional<std::vector<std::size_t>> shape = sizes(value["shape"]);
    if (!shape) return bad(tensor(name) + ": shape is not a list of non-negative integers");
    const std::optional<std::size_t> size = byte_size(dtype, *shape);
    if (!size) {
      return bad(tensor(name) + ": shape " + shape_text(*shape) + " overflows a 64-bit size");
    }

    const std::optional<std::vector<std::size_t>> offsets = sizes(value["data_offsets"]);
    if (!offsets || offsets->size() != 2) {
      return bad(tensor(name) + ": data_offsets is not a pair of non-negative integers");
    }
    Entry e{name, {dtype, std::move(*shape), {}, {}}, (*offsets)[0], (*offsets)[1]};
    if (dtype == DType::kOther) e.view.other_dtype = json::quote(dtype_text);
    if (e.begin > e.end || e.end > data_.size()) {
      return bad(tensor(name) + ": data_offsets " + range(e) + " are not within the " +
                 std::to_string(data_.size()) + " bytes of data");
    }
    if (dtype != DType::kOther && e.end - e.begin != *size) {
      return bad(tensor(name) + ": " + std::string(dtype_name(dtype)) + " " +
                 shape_text(e.view.shape) + " needs " + std::to_string(*size) +
                 " bytes, data_offsets " + range(e) + " hold " + std::to_string(e.end - e.begin));
    }
    e.view.bytes = data_.substr(e.begin, e.end - e.begin);
    return e;
  }

  // The tensors must tile the data: each starts where the one before it ends. An empty tensor fits
  // between two others or at either end.
  Result<void> check_layout(std::vector<Entry>& entries) const {
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    std::size_t covered = 0;
    const Entry* before = nullptr;
    for (const Entry& e : entries) {
      if (e.begin < covered) {
        return bad(tensor(e.name) + " at " + range(e) + " overlaps " + tensor(before->name) +
                   " at " + range(*before));
      }
      if (e.begin > covered) {
        return bad("bytes " + std::to_string(covered) + " to " + std::to_string(e.begin) +
                   " of the data, before " + tensor(e.name) + ", belong to no tensor");
      }
      covered = e.end;
      before = &e;
    }
    if (covered != data_.size()) {
      return bad("the last tensor ends at byte " + std::to_string(covered) + " of the data, but " +
                 std::to_string(data_.size()) + " bytes are there");
    }
    return {};
  }

  const base::Blob& file_;
  std::string_view data_;
};

}  // namespace

Result<TensorMap> parse_safetensors(const base::Blob& file) { return Parser(file).parse(); }

}  // namespace crossrank::weights
