#include "foreign/picture.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "foreign/comfy_graph.h"
#include "foreign/comfy_workflow.h"
#include "foreign/flat_metadata.h"
#include "foreign/infotext.h"
#include "foreign/invoke_dream.h"
#include "foreign/metadata_json.h"
#include "foreign/names.h"
#include "txt2img/joined.h"

namespace txt2img::cli::foreign {
namespace {

using nlohmann::json;
using std::string_view;
using Texts = std::span<const PngText>;

// Empty if there is none.
string_view text_of(Texts texts, string_view keyword) {
  const auto found = std::ranges::find(texts, keyword, &PngText::keyword);
  return found == texts.end() ? string_view() : string_view(found->text);
}

std::optional<Request> read_invoke(Texts texts) {
  if (const auto settings = parse_metadata(text_of(texts, "invokeai_metadata")))
    return read_flat(*settings, FlatProgram::kInvoke);
  return read_invoke_dream(text_of(texts, "sd-metadata"), text_of(texts, "Dream"));
}

// Settings as an object or as AUTOMATIC1111 writes them.
std::optional<Request> read_settings(string_view text) {
  const std::optional<json> object = parse_metadata(text);
  if (!object) return parse_infotext(text);
  const json& settings = object->contains("sui_image_params") ? object->at("sui_image_params") : *object;
  const std::optional<FlatProgram> program = settings.is_object() ? guess_program(settings) : std::nullopt;
  return program ? std::optional(read_flat(settings, *program)) : std::nullopt;
}

std::optional<Request> read_parameters(Texts texts) {
  for (const char* keyword : {"parameters", "UserComment"}) {
    if (std::optional<Request> request = read_settings(text_of(texts, keyword))) return request;
  }
  return std::nullopt;
}

std::optional<Request> read_comfy(Texts texts) {
  if (const auto graph = parse_metadata(text_of(texts, "prompt"))) {
    if (std::optional<Request> request = read_comfy_graph(*graph)) return request;
  }
  const std::optional<json> workflow = parse_metadata(text_of(texts, "workflow"));
  return workflow ? read_comfy_graph(graph_of_workflow(*workflow)) : std::nullopt;
}

std::optional<Request> read_comment(Texts texts) {
  std::optional<Request> request = read_settings(text_of(texts, "Comment"));
  const string_view source = text_of(texts, "Source");
  if (request && !source.empty()) add_leftover(*request, "Source", std::string(source));
  return request;
}

std::string unescaped(std::string xml) {
  constexpr std::array<std::array<string_view, 2>, 6> kEntities = {
      {{"&quot;", "\""}, {"&apos;", "'"}, {"&#xA;", "\n"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}}};
  std::string text;
  for (std::size_t at = 0; at < xml.size();) {
    const auto* const entity = std::ranges::find_if(
        kEntities, [&](const auto& row) { return string_view(xml).substr(at).starts_with(row[0]); });
    text += entity == kEntities.end() ? string_view(xml).substr(at, 1) : (*entity)[1];
    at += entity == kEntities.end() ? 1 : (*entity)[0].size();
  }
  return text;
}

// Draw Things: an object within the comment of XMP data.
std::optional<Request> read_xmp(Texts texts) {
  string_view xml = text_of(texts, "XML:com.adobe.xmp");
  const std::size_t comment = xml.find("<exif:UserComment");
  const std::size_t begin = comment == string_view::npos ? comment : xml.find('{', comment);
  if (begin == string_view::npos) return std::nullopt;
  xml = xml.substr(begin, xml.find('<', begin) - begin);
  return read_settings(unescaped(std::string(xml)));
}

// A text for each setting: "prompt", "seed", "num_inference_steps". What begins as an object is a graph that could not
// be read.
std::optional<Request> read_single_texts(Texts texts) {
  if (text_of(texts, "prompt").starts_with('{')) return std::nullopt;
  Request request{.program = "another program", .prompt = {}};
  for (const PngText& text : texts) take(request, text.keyword, text.text);
  return request.prompt.empty() ? std::nullopt : std::optional(std::move(request));
}

}  // namespace

std::optional<Request> read_request(Texts texts) {
  for (const auto& read : {read_invoke, read_parameters, read_comfy, read_comment, read_xmp, read_single_texts}) {
    std::optional<Request> request = read(texts);
    if (request && (!request->prompt.empty() || !request->settings.empty())) return request;
  }
  return std::nullopt;
}

std::string names_of(Texts texts) { return joined(texts, ", ", &PngText::keyword); }

}  // namespace txt2img::cli::foreign
