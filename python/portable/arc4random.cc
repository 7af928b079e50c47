// arc4random for the static libstdc++ of the portable wheel, whose std::random_device asks for it:
// of glibc only 2.36 has it, and nothing else in the wheel needs one newer than 2.34.
#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

// Hidden: no other module of the process is to find this one.
extern "C" __attribute__((visibility("hidden"))) std::uint32_t arc4random() noexcept {
  std::uint32_t number = 0;
  while (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
    if (errno != EINTR) std::abort();  // as glibc's: a kernel without getrandom is older than 3.17
  }
  return number;
}
