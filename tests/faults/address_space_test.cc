// Too little address space (RLIMIT_AS) for the threads that were asked for.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <system_error>

#include "base/thread_pool.h"

namespace crossrank::base {
namespace {

TEST(AddressSpace, AThreadThatTheSystemRefusesIsAnException) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit little{256u << 20, 256u << 20};  // address space for some 30 stacks of 8 MB
    if (setrlimit(RLIMIT_AS, &little) != 0) _exit(2);
    try {
      const ThreadPool pool(100'000);
      _exit(3);
    } catch (const std::system_error&) {
      _exit(0);
    } catch (const std::bad_alloc&) {
      _exit(4);
    }
  }
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace crossrank::base
