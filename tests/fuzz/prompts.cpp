// Prompt files of every format: the first byte picks it, whether unknown keys pass, and whether columns are renamed.
// $TXT2IMG_FUZZ_SENTENCEPIECE: the tokenizer's folder in a bundle.
#include "foreign/syntax.h"
#include "fuzz.h"
#include "plan/item.h"
#include "prompts/prompt_file.h"
#include "txt2img/utf8.h"

namespace {

const txt2img::Bundle& bundle() {
  const char* folder = std::getenv("TXT2IMG_FUZZ_SENTENCEPIECE");
  txt2img::fuzz::require(folder != nullptr);
  static const txt2img::Bundle bundle = txt2img::read_bundle(std::filesystem::path(folder).parent_path());
  return bundle;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  using namespace txt2img::cli;
  if (size == 0) return 0;
  Request request;
  request.ask(&Settings::seed, 7);
  const ExtraKeys extra_keys = (data[0] & 4U) != 0 ? ExtraKeys::kPass : ExtraKeys::kError;
  const fuzz::MemoryFile memory(fuzz::text_of(data + 1, size - 1));
  return fuzz::try_shown([&] {
    const auto format = (data[0] & 8U) != 0 ? PromptFormat::kJson : static_cast<PromptFormat>(data[0] & 3U);
    ColumnMap columns({{.key = "prompt", .column = "text"}, {.key = "seed", .column = ""}});
    Remarks remarks;
    PromptFile file(memory.path(), format, extra_keys, (data[0] & 16U) != 0 ? &columns : nullptr, &remarks);
    ItemMaker maker(request, bundle());
    std::size_t line = 0;
    const auto refuse = [](std::size_t, const std::string& message) { fuzz::require(!message.empty()); };
    while (std::optional<PromptRow> row = file.next(refuse)) {
      fuzz::require(row->line > line || (format == PromptFormat::kJson && row->line == line));
      line = row->line;
      fuzz::require(is_valid_utf8(row->prompt));
      fuzz::require(row->prompt.find(find_foreign_syntax(row->prompt)) != std::string::npos);
      fuzz::try_shown([&] { fuzz::require(maker.make(std::move(*row)).count >= 1); });
    }
  });
}
