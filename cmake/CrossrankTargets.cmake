# crossrank_options: flags that every target of ours gets. crossrank_layer(): one layer of src/.
# crossrank_runtime(): for what is linked last, the command and the Python module.

add_library(crossrank_options INTERFACE)
target_include_directories(crossrank_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
target_link_libraries(crossrank_options INTERFACE Threads::Threads)
if(CROSSRANK_DEVELOPER_MODE)
  target_compile_options(crossrank_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # "literal" + std::string sets it off inside libstdc++ (GCC bug 105651).
    target_compile_options(crossrank_options INTERFACE -Wno-restrict)
    # Only where CI looks: a new compiler's new warning must not stop somebody's first build, nor
    # what GCC 12 suspects of std::string on another CPU the tests of that CPU.
    if(CMAKE_CXX_COMPILER_VERSION MATCHES "^12\\." AND NOT CMAKE_CROSSCOMPILING)
      target_compile_options(crossrank_options INTERFACE -Werror)
    endif()
  endif()
endif()
if(CROSSRANK_SANITIZE)
  target_compile_options(crossrank_options INTERFACE
    -fsanitize=${CROSSRANK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(crossrank_options INTERFACE -fsanitize=${CROSSRANK_SANITIZE})
endif()

# crossrank_layer(NAME source...): an object library that becomes part of libcrossrank.
function(crossrank_layer name)
  add_library(crossrank_${name} OBJECT ${ARGN})
  target_link_libraries(crossrank_${name} PRIVATE crossrank_options)
  set_property(GLOBAL APPEND PROPERTY CROSSRANK_LAYERS crossrank_${name})
endfunction()

# crossrank_runtime(TARGET): links what a program or module of ours needs of the compiler's libraries.
# Not libgcc_s: every system that has glibc has it, as glibc itself opens it, and the static one would
# ask for a newer glibc (_dl_find_object, 2.35) than anything else does.
function(crossrank_runtime target)
  if(CROSSRANK_STATIC_RUNTIME)
    target_link_options(${target} PRIVATE -static-libstdc++)
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/python/portable/arc4random.cc)
  endif()
endfunction()
