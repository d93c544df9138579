# Third-party libraries, each as an imported target. scripts/setup puts them into .deps and .venv; the system's are
# used where those are missing. Torch_ROOT names another LibTorch.

list(PREPEND CMAKE_PREFIX_PATH "${PROJECT_SOURCE_DIR}/.deps")
set(OPENSSL_ROOT_DIR "${PROJECT_SOURCE_DIR}/.deps")

find_package(CLI11 REQUIRED)
find_package(LibTorch REQUIRED)
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

set(OPENSSL_USE_STATIC_LIBS ON)
find_package(OpenSSL 1.1.1 QUIET COMPONENTS Crypto)
if(NOT OpenSSL_FOUND)
  set(OPENSSL_USE_STATIC_LIBS OFF)
  find_package(OpenSSL 1.1.1 REQUIRED COMPONENTS Crypto)
endif()
