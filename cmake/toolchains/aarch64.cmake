# Cross builds for 64-bit ARM Linux, whose programs CTest runs under QEMU. Debian and Ubuntu:
# g++-aarch64-linux-gnu, qemu-user and libgtest-dev. Headers without code come from the host.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# "max" has every extension that QEMU knows, so that every table is run.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)

# Debian keeps curl's headers with those of the host's C library, which must not be seen.
file(GLOB curl /usr/include/*-linux-gnu/curl)
if(curl)
  list(GET curl 0 curl)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/host_headers)
  file(CREATE_LINK ${curl} ${CMAKE_BINARY_DIR}/host_headers/curl SYMBOLIC)
  set(CROSSRANK_CURL_INCLUDE_DIR ${CMAKE_BINARY_DIR}/host_headers)
endif()
