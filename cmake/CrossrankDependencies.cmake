# Looks for every library that the build needs and stops with one message that names all that are
# missing. Python and nanobind are python/CMakeLists.txt's, which knows the interpreter.
set(missing)
set(packages)

# crossrank_need(WHAT PACKAGE found): WHAT is missing and Debian's PACKAGE brings it, unless `found`.
macro(crossrank_need what package found)
  if(NOT ${found})
    list(APPEND missing "${what}")
    list(APPEND packages ${package})
  endif()
endmacro()

find_package(Threads REQUIRED)
find_package(nlohmann_json 3.9 QUIET)
crossrank_need("nlohmann-json 3.9 or newer" nlohmann-json3-dev nlohmann_json_FOUND)
if(CROSSRANK_CURL_STATIC)
  set(CROSSRANK_CURL_INCLUDE_DIR ${CROSSRANK_CURL_STATIC}/include)
  if(NOT EXISTS ${CROSSRANK_CURL_STATIC}/lib/libcurl.a)
    message(FATAL_ERROR "CROSSRANK_CURL_STATIC: ${CROSSRANK_CURL_STATIC}/lib/libcurl.a is missing. "
                        "Type: tools/static_curl.sh ${CROSSRANK_CURL_STATIC}")
  endif()
else()
  find_path(CROSSRANK_CURL_INCLUDE_DIR curl/curl.h DOC "Where curl/curl.h is")
  crossrank_need("the header curl/curl.h" libcurl4-openssl-dev CROSSRANK_CURL_INCLUDE_DIR)
endif()
if(CROSSRANK_BUILD_CLI)
  find_package(CLI11 2.1 QUIET)
  crossrank_need("CLI11 2.1 or newer" libcli11-dev CLI11_FOUND)
  find_package(Boost 1.74 QUIET)
  crossrank_need("Boost 1.74 or newer (headers)" libboost-dev Boost_FOUND)
  find_package(fmt QUIET)
  crossrank_need("fmt" libfmt-dev fmt_FOUND)
  find_package(spdlog 1.10 QUIET)
  crossrank_need("spdlog 1.10 or newer" libspdlog-dev spdlog_FOUND)
endif()
if(CROSSRANK_DEVELOPER_MODE AND NOT CMAKE_CROSSCOMPILING)
  find_package(GTest QUIET)
  crossrank_need("GoogleTest" "libgtest-dev;libgmock-dev" GTest_FOUND)
endif()

if(missing)
  list(JOIN missing "\n  " missing)
  list(JOIN packages " " packages)
  message(FATAL_ERROR "These are needed and were not found:\n  ${missing}\n"
    "In a clone of crossrank, on Debian and Ubuntu, this installs them:\n  make deps\n"
    "Without make:\n  apt-get install -y --no-install-recommends ${packages}\n"
    "Elsewhere vcpkg.json names them; CMAKE_PREFIX_PATH says where they are.")
endif()
unset(missing)
unset(packages)
