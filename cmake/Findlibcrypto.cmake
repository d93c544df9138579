# SHA-256 of OpenSSL as libcrypto::libcrypto; static where there is a static one. Not by CMake's FindOpenSSL, which adds
# what the whole library would need, zlib and zstd among it: of the archive only the objects of the hash are linked.

find_path(libcrypto_INCLUDE_DIR NAMES openssl/sha.h)
find_path(libcrypto_CONFIGURATION_DIR NAMES openssl/configuration.h openssl/opensslconf.h)  # Debian: include/x86_64-linux-gnu
find_library(libcrypto_LIBRARY NAMES libcrypto.a crypto)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libcrypto
  REQUIRED_VARS libcrypto_LIBRARY libcrypto_INCLUDE_DIR libcrypto_CONFIGURATION_DIR
  REASON_FAILURE_MESSAGE "Run scripts/setup"
)
mark_as_advanced(libcrypto_INCLUDE_DIR libcrypto_CONFIGURATION_DIR libcrypto_LIBRARY)

if(libcrypto_FOUND AND NOT TARGET libcrypto::libcrypto)
  add_library(libcrypto::libcrypto UNKNOWN IMPORTED)
  set_target_properties(libcrypto::libcrypto PROPERTIES
    IMPORTED_LOCATION "${libcrypto_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${libcrypto_INCLUDE_DIR};${libcrypto_CONFIGURATION_DIR}"
    INTERFACE_COMPILE_DEFINITIONS OPENSSL_API_COMPAT=0x10101000L  # functions of a hash by itself, since 3.0 called old
  )
endif()
