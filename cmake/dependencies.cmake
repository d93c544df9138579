# Third-party libraries, each as an imported target. scripts/setup puts them into .deps and .venv; the system's are
# used where those are missing. Torch_ROOT names another LibTorch.

list(PREPEND CMAKE_PREFIX_PATH "${PROJECT_SOURCE_DIR}/.deps")

find_package(CLI11 REQUIRED)
find_package(LibTorch REQUIRED)
find_package(libcrypto REQUIRED)
find_package(SentencePiece REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(stb REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(utf8proc REQUIRED)

# Without it PNG files are written by stb_image_write: slower and larger.
option(TXT2IMG_LIBDEFLATE "Write PNG files with libdeflate, if there is one" ON)
if(TXT2IMG_LIBDEFLATE)
  find_package(libdeflate)
endif()

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
