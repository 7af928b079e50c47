# Configures with two libraries hidden: one message must name both and what to type.
#   cmake -DSOURCE=... -DWORK=... -P missing.cmake
file(REMOVE_RECURSE ${WORK})
execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK} -G Ninja -DCROSSRANK_DEVELOPER_MODE=OFF
    -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON
  RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE words)
if(result EQUAL 0)
  message(FATAL_ERROR "configured without libraries")
endif()
string(REGEX REPLACE "[ \n]+" " " words "${words}")
foreach(part "nlohmann-json 3.9 or newer CLI11 2.1 or newer" "make deps"
        "apt-get install -y --no-install-recommends nlohmann-json3-dev libcli11-dev")
  string(FIND "${words}" "${part}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "'${part}' is not in: ${words}")
  endif()
endforeach()
string(REGEX MATCHALL "CMake Error" errors "${words}")
list(LENGTH errors count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "${count} errors, wanted one: ${words}")
endif()
