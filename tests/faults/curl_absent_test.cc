// A machine without libcurl: this program's dlopen finds none.
#include <dlfcn.h>
#include <gmock/gmock.h>

#include <cstring>

#include "base/curl_api.h"
#include "hub/pull.h"

namespace {

using Dlopen = void* (*)(const char*, int);

}  // namespace

// Takes the place of the C library's for everything in this program.
extern "C" void* dlopen(const char* name, int flags) {
  if (name != nullptr && std::strncmp(name, "libcurl", 7) == 0) return nullptr;
  return reinterpret_cast<Dlopen>(dlsym(RTLD_NEXT, "dlopen"))(name, flags);
}

namespace crossrank::hub {
namespace {

using testing::HasSubstr;

TEST(CurlAbsentTest, TheErrorNamesThePackage) {
  for (int i = 0; i < 2; ++i) {  // the same at every call
    const auto api = base::curl_api();
    ASSERT_FALSE(api.ok());
    EXPECT_EQ(api.error().code, ErrorCode::kNetwork);
    EXPECT_THAT(api.error().message, HasSubstr("libcurl4"));
  }
}

TEST(CurlAbsentTest, PullPassesItOn) {
  PullOptions options;
  options.cache_dir = "/nonexistent";
  const auto result = pull("a/b", options);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(result.error().message, HasSubstr("libcurl4"));
}

}  // namespace
}  // namespace crossrank::hub
