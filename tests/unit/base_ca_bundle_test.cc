// Which certificates count when nobody named any.
#include "base/ca_bundle.h"

#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT: setenv is POSIX

#include <array>

namespace crossrank::base {
namespace {

class CaBundleTest : public testing::Test {
 protected:
  CaBundleTest() {
    unsetenv("CURL_CA_BUNDLE");
    unsetenv("SSL_CERT_FILE");
  }
  ~CaBundleTest() override {
    unsetenv("CURL_CA_BUNDLE");
    unsetenv("SSL_CERT_FILE");
  }
  static constexpr std::array<const char*, 3> kKnown{"/nonexistent/a.pem", "/proc/self/exe",
                                                     "/proc/self/maps"};
};

TEST_F(CaBundleTest, TheFirstThatExists) {
  EXPECT_EQ(default_ca_bundle(kKnown), "/proc/self/exe");
  EXPECT_EQ(default_ca_bundle(std::span(kKnown).first(1)), "");
  EXPECT_EQ(default_ca_bundle({}), "");
}

TEST_F(CaBundleTest, TheEnvironmentWinsEvenWithAFileThatIsNotThere) {
  setenv("SSL_CERT_FILE", "/nonexistent/b.pem", 1);
  EXPECT_EQ(default_ca_bundle(kKnown), "/nonexistent/b.pem");
  setenv("CURL_CA_BUNDLE", "/nonexistent/c.pem", 1);
  EXPECT_EQ(default_ca_bundle({}), "/nonexistent/c.pem");
  setenv("CURL_CA_BUNDLE", "", 1);
  EXPECT_EQ(default_ca_bundle({}), "/nonexistent/b.pem");
}

}  // namespace
}  // namespace crossrank::base
