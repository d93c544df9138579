# The single-file image libraries of Sean Barrett as stb::stb: #include <stb/stb_image_write.h>.

find_path(stb_INCLUDE_DIR NAMES stb/stb_image_write.h)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(stb REQUIRED_VARS stb_INCLUDE_DIR REASON_FAILURE_MESSAGE "Run scripts/setup")
mark_as_advanced(stb_INCLUDE_DIR)

if(stb_FOUND AND NOT TARGET stb::stb)
  add_library(stb::stb INTERFACE IMPORTED)
  target_include_directories(stb::stb INTERFACE "${stb_INCLUDE_DIR}")
endif()
