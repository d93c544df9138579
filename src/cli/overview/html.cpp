#include "overview/html.h"

#include <algorithm>

#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnreserved = "-._~/";  // RFC 3986, and what parts the names of folders

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string url;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_letter_or_digit(c) || kUnreserved.find(c) != std::string_view::npos)
      url += c;
    else
      url += {'%', kDigits[byte / 16U], kDigits[byte % 16U]};
  }
  return url;
}

// A stretch of text without line breaks and tabs.
void append_escaped(std::string& html, std::string_view text) {
  for (const char c : escape_for_terminal(text)) {
    switch (c) {
      case '&': html += "&amp;"; break;
      case '<': html += "&lt;"; break;
      case '>': html += "&gt;"; break;
      case '"': html += "&quot;"; break;
      case '\'': html += "&#39;"; break;
      default: html += c;
    }
  }
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    append_escaped(html, text.substr(0, end));
    if (end < text.size()) html += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return html;
}

std::string relative_url(const fs::path& file, const fs::path& page) {
  const fs::path folder = fs::absolute(page).lexically_normal().parent_path();
  return percent_encode(fs::absolute(file).lexically_normal().lexically_relative(folder).string());
}

}  // namespace txt2img::cli
