// TXT2IMG_API marks what the shared libraries export.
#pragma once

#if defined(_WIN32)
#define TXT2IMG_API __declspec(dllexport)
#else
#define TXT2IMG_API __attribute__((visibility("default")))
#endif
