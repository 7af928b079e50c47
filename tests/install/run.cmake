# Installs a build tree, moves the prefix, then builds and runs the consumer, examples/cpp and the
# README's program against it.
#   cmake -DBUILD=... -DSOURCE=... -DWORK=... -DMODEL=... -DPYTHON=... [-DSHARED=ON] -P run.cmake
# With SHARED the library is configured anew as a shared one, since BUILD holds a static one.

function(run)
  list(JOIN ARGN " " command)
  message(STATUS "${command}")
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed with ${result}: ${command}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
if(SHARED)
  run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G Ninja -DCMAKE_BUILD_TYPE=Release
    -DBUILD_SHARED_LIBS=ON -DCROSSRANK_DEVELOPER_MODE=OFF -DCROSSRANK_BUILD_CLI=OFF)
  run(${CMAKE_COMMAND} --build ${WORK}/build)
  set(BUILD ${WORK}/build)
endif()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/moved)

run(${CMAKE_COMMAND} -S ${SOURCE}/tests/install/consumer -B ${WORK}/consumer -G Ninja
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${WORK}/moved
  -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(${CMAKE_COMMAND} --build ${WORK}/consumer)
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/cpp -B ${WORK}/quickstart -G Ninja
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${WORK}/moved
  -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(${CMAKE_COMMAND} --build ${WORK}/quickstart)
run(${PYTHON} ${SOURCE}/tools/readme_snippets.py ${SOURCE}/README.md ${WORK}/snippets)
run(${CMAKE_COMMAND} -S ${SOURCE}/tests/install/readme -B ${WORK}/readme -G Ninja
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${WORK}/moved
  -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF -DPROGRAM=${WORK}/snippets/quickstart.cc)
run(${CMAKE_COMMAND} --build ${WORK}/readme)
foreach(file LICENSE NOTICE)
  if(NOT EXISTS ${WORK}/moved/share/doc/crossrank/${file})
    message(FATAL_ERROR "${file} was not installed")
  endif()
endforeach()

# The models that the user's environment names must play no part.
set(clean ${CMAKE_COMMAND} -E env --unset=CROSSRANK_MODEL --unset=CROSSRANK_BUILTIN)
run(${clean} ${WORK}/consumer/consumer ${MODEL})
run(${clean} ${PYTHON} ${SOURCE}/tools/readme_snippets.py --run ${WORK}/readme/program
  ${WORK}/snippets/quickstart.txt)
execute_process(
  COMMAND ${clean} ${WORK}/quickstart/quickstart
  OUTPUT_VARIABLE places COMMAND_ERROR_IS_FATAL ANY)
if(NOT places MATCHES "^ *[0-9.]+  Steep green tea[^\n]*\n *-?[0-9.]+  [^\n]*\n$")
  message(FATAL_ERROR "the quickstart ranks something else first, or other than two: ${places}")
endif()
if(SHARED)  # the library finds the model from where it is itself
  run(${clean} ${WORK}/consumer/consumer builtin)
else()  # a static library is where its program is
  run(${CMAKE_COMMAND} --install ${WORK}/consumer --prefix ${WORK}/moved)
  run(${clean} ${WORK}/moved/bin/consumer builtin)
  execute_process(COMMAND ${clean} ${WORK}/consumer/consumer builtin RESULT_VARIABLE result
    ERROR_VARIABLE words)
  if(result EQUAL 0)
    message(FATAL_ERROR "the consumer found the builtin model outside the prefix: a path is baked in")
  endif()
  message(STATUS "outside the prefix, as it must be: ${words}")
endif()
