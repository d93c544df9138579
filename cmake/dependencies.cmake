# Third-party libraries, each as an imported target. scripts/setup puts them into .deps and .venv; the system's are
# used where those are missing. Torch_ROOT names another LibTorch.

include(import_library)

list(PREPEND CMAKE_PREFIX_PATH "${PROJECT_SOURCE_DIR}/.deps")

find_package(CLI11 REQUIRED)
find_package(LibTorch REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(Threads REQUIRED)

import_library(fmt::headers fmt/format.h)
import_library(libdeflate::libdeflate libdeflate.h libdeflate.a deflate)
import_library(stb::stb stb/stb_image_write.h)
import_library(utf8proc::utf8proc utf8proc.h libutf8proc.a utf8proc)

import_library(sentencepiece::sentencepiece sentencepiece_processor.h libsentencepiece.a sentencepiece)
target_link_libraries(sentencepiece::sentencepiece INTERFACE Threads::Threads)

import_library(tomlplusplus::headers toml++/toml.h)
target_compile_definitions(tomlplusplus::headers INTERFACE TOML_HEADER_ONLY=1)

# Not by CMake's FindOpenSSL, which adds what the whole library would need, zlib and zstd among it: of the archive only
# the objects of the hash are linked.
import_library(libcrypto::libcrypto openssl/sha.h libcrypto.a crypto)
find_path(libcrypto_CONFIGURATION_DIR NAMES openssl/configuration.h openssl/opensslconf.h REQUIRED)
mark_as_advanced(libcrypto_CONFIGURATION_DIR)
target_include_directories(libcrypto::libcrypto INTERFACE "${libcrypto_CONFIGURATION_DIR}")  # Debian: include/x86_64-linux-gnu
# The functions of one hash are called old since 3.0.
target_compile_definitions(libcrypto::libcrypto INTERFACE OPENSSL_API_COMPAT=0x10101000L)

# Kernels of our own: where there is a LibTorch with CUDA, and a toolkit with its compiler.
set(TXT2IMG_HAS_NVCC FALSE)
if(LibTorch_HAS_TOOLKIT)
  if(NOT DEFINED ENV{CUDACXX})
    cmake_path(GET LibTorch_CUDA_INCLUDE_DIR PARENT_PATH _toolkit)
    find_program(_nvcc nvcc PATHS "${_toolkit}/bin" NO_DEFAULT_PATH NO_CACHE)
    set(ENV{CUDACXX} "${_nvcc}")
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 75-virtual 80-real 90-real)
    endif()
    enable_language(CUDA)
    # LibTorch's headers are C++20 since 2.14, and nvcc since 12, which CMake 3.25 does not know.
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
    endif()
    set(TXT2IMG_HAS_NVCC TRUE)
  endif()
endif()
