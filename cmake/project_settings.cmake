# What every target of the project is compiled and linked with: INTERFACE target txt2img_settings.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "g++ >= 12 is needed, this is ${CMAKE_CXX_COMPILER_VERSION}; name a newer one with CXX=...")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  message(FATAL_ERROR "clang++ >= 16 is needed, this is ${CMAKE_CXX_COMPILER_VERSION}; name a newer one with CXX=...")
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# The program, its libraries and the tests lie side by side and find each other wherever the folder is. One run path for
# the build and the installation: CMake would pad the build's with empty entries, which mean the current folder.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN")

find_program(CCACHE_PROGRAM ccache)
mark_as_advanced(CCACHE_PROGRAM)
if(CCACHE_PROGRAM AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(txt2img_warnings INTERFACE)
target_compile_options(txt2img_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651).
  target_compile_options(txt2img_warnings INTERFACE -Wno-restrict)
endif()

add_library(txt2img_settings INTERFACE)
target_link_libraries(txt2img_settings INTERFACE txt2img_warnings)
target_compile_definitions(txt2img_settings INTERFACE TXT2IMG_VERSION="${PROJECT_VERSION}")
# Third-party static libraries stay out of the symbol tables of ours; but clang's sanitizers are one, and have to be seen.
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT TXT2IMG_BUILD_FUZZERS)
  target_link_options(txt2img_settings INTERFACE LINKER:--exclude-libs,ALL LINKER:--no-undefined)
endif()
