// What the sentencepiece library takes on trust in a model file and must not: following it would leave its arrays.
#pragma once

#include <string_view>

namespace txt2img {

// What is wrong with the bytes of a model, or an empty text. Looks only at what the library does not check itself: the
// tables of normalisation and the length of user-defined symbols.
std::string_view find_sentencepiece_problem(std::string_view model);

}  // namespace txt2img
