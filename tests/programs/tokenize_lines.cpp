// Tokenises the lines of stdin for the comparison with other implementations
// (tests/python/parity/test_tokenizer_parity.py).
//
//   tokenize_lines clip-bpe|sentencepiece FOLDER LENGTH BOS EOS PAD [SPECIAL=ID]...
//
// FOLDER holds vocab.json and merges.txt, or tokenizer.model. A line is the bytes of a text in hexadecimal; so is the
// text that was cut, which follows the ids in the answer, after a tab.
#include <charconv>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "txt2img/tokenizer.h"

namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return hex;
}

txt2img::TokenizerSpec parse_spec(int argc, char** argv) {
  txt2img::TokenizerSpec spec{
      .kind = argv[1] == std::string_view("clip-bpe") ? txt2img::TokenizerKind::kClipBpe
                                                      : txt2img::TokenizerKind::kSentencePiece,
      .vocab = "vocab.json",
      .merges = "merges.txt",
      .model = "tokenizer.model",
      .length = std::stoi(argv[3]),
      .bos = std::stoll(argv[4]),
      .eos = std::stoll(argv[5]),
      .pad = std::stoll(argv[6]),
      .special = {},
  };
  for (int i = 7; i < argc; ++i) {
    const std::string special = argv[i];
    const std::size_t equals = special.rfind('=');
    spec.special[special.substr(0, equals)] = std::stoll(special.substr(equals + 1));
  }
  return spec;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) return 64;
  try {
    const auto tokenizer = txt2img::make_tokenizer(parse_spec(argc, argv), argv[2]);
    for (std::string line; std::getline(std::cin, line);) {
      const txt2img::Tokens tokens = tokenizer->encode(from_hex(line));
      std::string answer;
      for (const std::int64_t id : tokens.ids) answer += std::to_string(id) + ' ';
      answer.back() = '\t';
      std::cout << answer << to_hex(tokens.cut) << '\n';
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
