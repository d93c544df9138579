// What CLIP's tokenizer takes for a letter, a number or a space, exactly as the reference's libraries have it.
//
// The reference (transformers over Rust's tokenizers 0.23) mixes three editions of Unicode: 16 in its regular
// expressions, 17 for lower case and 9 for normalisation. utf8proc has a single one; tables here hold the differences.
#pragma once

#include <string>
#include <string_view>

namespace txt2img {

bool is_clip_letter(char32_t value);
bool is_clip_number(char32_t value);
bool is_clip_space(char32_t value);

// Appends the lower case of one character; no context, so a final sigma stays as it is.
void append_clip_lower(std::u32string& text, char32_t value);

// Normalisation (NFC) may look at `value` together with `previous`, the character before it, and those that this one
// joins. Where this is false a text can be cut and its parts normalised by themselves.
bool joins_previous(char32_t value, char32_t previous);

// Appends the NFC of characters of which each joins the one before it.
void append_nfc(std::u32string& text, std::u32string_view cluster);

}  // namespace txt2img
