// A SentencePiece model put together by hand, field by field.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace txt2img {

// Writes fields of a protocol buffer message.
class MessageWriter {
 public:
  MessageWriter& varint(unsigned field, std::uint64_t value) {
    put(field << 3U);
    put(value);
    return *this;
  }
  MessageWriter& bytes(unsigned field, std::string_view value) {
    put(field << 3U | 2U);
    put(value.size());
    out_ += value;
    return *this;
  }
  MessageWriter& number(unsigned field, float value) {
    put(field << 3U | 5U);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    for (unsigned shift = 0; shift < 32; shift += 8) out_ += static_cast<char>(bits >> shift & 0xFFU);
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  void put(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_ += static_cast<char>(value | 0x80U);
    out_ += static_cast<char>(value);
  }

  std::string out_;
};

struct ModelPiece {
  enum Type : std::uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

  std::string text;
  float score = 0;
  Type type = kNormal;
};

// A unigram model, whose best cut of a text has the highest sum of scores. <pad> 0, <s> 1, </s> 2, <unk> 3, then
// `pieces`.
inline std::string make_sentencepiece_model(std::vector<ModelPiece> pieces, std::string_view charsmap = {}) {
  const std::vector<ModelPiece> reserved{{"<pad>", 0, ModelPiece::kControl},
                                         {"<s>", 0, ModelPiece::kControl},
                                         {"</s>", 0, ModelPiece::kControl},
                                         {"<unk>", 0, ModelPiece::kUnknown}};
  pieces.insert(pieces.begin(), reserved.begin(), reserved.end());
  MessageWriter model;
  for (const ModelPiece& piece : pieces) {
    model.bytes(1, MessageWriter().bytes(1, piece.text).number(2, piece.score).varint(3, piece.type).text());
  }
  model.bytes(2, MessageWriter().varint(3, 1).text());  // trainer_spec: unigram
  MessageWriter normalizer;
  normalizer.bytes(1, "by hand");
  if (!charsmap.empty()) normalizer.bytes(2, charsmap);
  return model.bytes(3, normalizer.text()).text();
}

}  // namespace txt2img
