# The TOML parser toml++ as tomlplusplus::headers: #include <toml++/toml.h>, compiled where it is included.

find_path(tomlplusplus_INCLUDE_DIR NAMES toml++/toml.h)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(tomlplusplus
  REQUIRED_VARS tomlplusplus_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "Run scripts/setup"
)
mark_as_advanced(tomlplusplus_INCLUDE_DIR)

if(tomlplusplus_FOUND AND NOT TARGET tomlplusplus::headers)
  add_library(tomlplusplus::headers INTERFACE IMPORTED)
  target_include_directories(tomlplusplus::headers INTERFACE "${tomlplusplus_INCLUDE_DIR}")
  target_compile_definitions(tomlplusplus::headers INTERFACE TOML_HEADER_ONLY=1)
endif()
