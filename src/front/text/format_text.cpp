#include "txt2img/format_text.h"

#define FMT_HEADER_ONLY  // the distributions' static libraries differ; of the headers this file alone compiles what is
                         // used
#include <fmt/format.h>

namespace txt2img {

std::string format_values(fmt::string_view pattern, fmt::format_args values) { return fmt::vformat(pattern, values); }

}  // namespace txt2img
