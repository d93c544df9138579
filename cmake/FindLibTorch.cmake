# The LibTorch inside a PyTorch, or one unpacked by itself, as LibTorch::LibTorch.
#
# PyTorch's own package file is not used: on a CUDA build it asks for a CUDA toolkit, which only the
# compilation of kernels needs, and it adds flags of its own.
#
#   Torch_ROOT               (in) the folder that has include/ and lib/; default: .venv's PyTorch, or
#                            the one that was given to scripts/setup --torch
#   LibTorch_VERSION         2.13.0+cpu
#   LibTorch_LIBRARY_DIR     where libtorch.so lies
#   LibTorch_HAS_CUDA        whether it is a CUDA build
#   LibTorch_HAS_TOOLKIT     whether CUDA's headers and runtime library were found too, for sources of our own
#   LibTorch_OPENMP          the OpenMP library that its threads are of, if it brings one
#   LibTorch_RUN_PATH        folders where the loader finds all of it

if(NOT Torch_ROOT AND DEFINED ENV{Torch_ROOT})
  set(Torch_ROOT "$ENV{Torch_ROOT}")
endif()
set(_libtorch_roots "${Torch_ROOT}")
if(NOT Torch_ROOT)
  if(EXISTS "${PROJECT_SOURCE_DIR}/.venv/.torch")
    file(STRINGS "${PROJECT_SOURCE_DIR}/.venv/.torch" _libtorch_roots LIMIT_COUNT 1)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/.venv/.torch")
  endif()
  file(GLOB _libtorch_venv "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
  list(APPEND _libtorch_roots ${_libtorch_venv})
endif()

# Looked for every time: another choice in scripts/setup takes effect with the next build.
find_path(LibTorch_INCLUDE_DIR NAMES torch/script.h PATHS ${_libtorch_roots} PATH_SUFFIXES include NO_CACHE NO_DEFAULT_PATH)
find_library(LibTorch_LIBRARY NAMES torch PATHS ${_libtorch_roots} PATH_SUFFIXES lib NO_CACHE NO_DEFAULT_PATH)
cmake_path(GET LibTorch_LIBRARY PARENT_PATH LibTorch_LIBRARY_DIR)
cmake_path(GET LibTorch_LIBRARY_DIR PARENT_PATH _libtorch_root)

set(LibTorch_VERSION "")
if(EXISTS "${_libtorch_root}/version.py")
  file(STRINGS "${_libtorch_root}/version.py" _libtorch_line REGEX "^__version__ = ")
  string(REGEX REPLACE ".*'([^']*)'.*" "\\1" LibTorch_VERSION "${_libtorch_line}")
elseif(EXISTS "${_libtorch_root}/build-version")
  file(STRINGS "${_libtorch_root}/build-version" LibTorch_VERSION LIMIT_COUNT 1)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Run scripts/setup, or give the folder of one with -DTorch_ROOT=..."
)

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  if(LibTorch_VERSION VERSION_LESS 2.11)
    message(FATAL_ERROR "LibTorch ${LibTorch_VERSION} of ${_libtorch_root} is too old; 2.11 to 2.14 work")
  elseif(LibTorch_VERSION VERSION_GREATER_EQUAL 2.15)
    message(WARNING "LibTorch ${LibTorch_VERSION} is newer than what was tried, 2.11 to 2.14; "
      "engine_tests fail where what CONTRIBUTING lists as its private interfaces has changed")
  endif()

  # Linked whether or not a symbol of theirs is used: the CUDA kernels register themselves when their library is loaded.
  set(_libtorch_names torch torch_cpu c10)
  set(LibTorch_HAS_CUDA FALSE)
  set(LibTorch_HAS_TOOLKIT FALSE)
  set(LibTorch_RUN_PATH "${LibTorch_LIBRARY_DIR}")
  if(EXISTS "${LibTorch_LIBRARY_DIR}/libtorch_cuda.so")
    set(LibTorch_HAS_CUDA TRUE)
    list(APPEND _libtorch_names torch_cuda c10_cuda)
    # A toolkit, or what PyTorch's wheel came with if that is complete: the wheel of the runtime alone lacks crt/.
    set(_libtorch_cuda "$ENV{CUDA_HOME}" /usr/local/cuda "${_libtorch_root}/../nvidia/cu13" "${_libtorch_root}/../nvidia/cuda_runtime")
    find_path(LibTorch_CUDA_INCLUDE_DIR NAMES crt/host_config.h PATHS ${_libtorch_cuda} PATH_SUFFIXES include NO_DEFAULT_PATH)
    find_library(LibTorch_CUDART NAMES libcudart.so.13 libcudart.so.12 cudart PATHS ${_libtorch_cuda} PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
    mark_as_advanced(LibTorch_CUDA_INCLUDE_DIR LibTorch_CUDART)
  endif()
  set(_libtorch_files "")
  foreach(_libtorch_name IN LISTS _libtorch_names)
    list(APPEND _libtorch_files "${LibTorch_LIBRARY_DIR}/lib${_libtorch_name}.so")
  endforeach()
  if(LibTorch_CUDA_INCLUDE_DIR AND LibTorch_CUDART)
    set(LibTorch_HAS_TOOLKIT TRUE)
    list(APPEND _libtorch_files "${LibTorch_CUDART}")
    cmake_path(GET LibTorch_CUDART PARENT_PATH _libtorch_cudart_dir)
    list(APPEND LibTorch_RUN_PATH "${_libtorch_cudart_dir}")
  endif()

  file(GLOB _libtorch_openmp "${LibTorch_LIBRARY_DIR}/libgomp*.so*" "${_libtorch_root}.libs/libgomp*.so*")
  set(LibTorch_OPENMP "")
  if(_libtorch_openmp)
    list(GET _libtorch_openmp 0 LibTorch_OPENMP)
  endif()

  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    "${LibTorch_INCLUDE_DIR}" "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
  )
  if(LibTorch_HAS_TOOLKIT)
    target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE "${LibTorch_CUDA_INCLUDE_DIR}")
  endif()
  target_compile_definitions(LibTorch::LibTorch INTERFACE
    AT_PER_OPERATOR_HEADERS  # each file includes the operators it uses
    TXT2IMG_TORCH_VERSION="${LibTorch_VERSION}"
  )
  # The CUDA libraries' own needs lie in other folders, which only the loader knows.
  target_link_options(LibTorch::LibTorch INTERFACE LINKER:--allow-shlib-undefined)
  target_link_libraries(LibTorch::LibTorch INTERFACE
    -Wl,--push-state,--no-as-needed ${_libtorch_files} -Wl,--pop-state
  )
endif()
