// The record of a picture: what a PNG says about how it was made.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/export.h"
#include "txt2img/png.h"
#include "txt2img/request.h"

namespace txt2img {

// "0.1.0".
TXT2IMG_API std::string_view version();

struct Record {
  std::string version;       // of the program
  std::string job_key;       // 64 hex digits
  std::string model;         // the bundle's name
  std::string model_sha256;  // of its model.json
  Settings settings;
  std::string device;  // "cpu" or "cuda": the kind only
  Precision precision{};
  Precision vae_precision{};
  std::string levers{};  // as changed_switches() writes them: empty, the default, or those that are on
  Stages stages;
  std::vector<Retry> retries{};      // not part of the job
  std::optional<Machine> machine{};  // neither; empty in records of old
};

// SHA-256 over canonical JSON (sorted keys, no spaces) of everything that was asked for and determines the pixels:
// version of the key, bundle hash, settings, kind of device, precisions, levers. The machine is no part of it: it
// changes rounding only, and a run may go on, or be shared out, on machines that differ.
TXT2IMG_API std::string job_key(const Record& record);

// "2 threads, AVX512, LibTorch 2.13.0"
TXT2IMG_API std::string machine_text(const Machine& machine);

// The settings as JSON text with the names of the prompt files, in their order: {"prompt": ..., "negative": ..., ...}.
TXT2IMG_API std::string settings_json(const Settings& settings);

// The JSON of the `txt2img` chunk, on one line, and the text of AUTOMATIC1111's `parameters`, whose last line has the
// settings.
TXT2IMG_API std::string record_json(const Record& record);
TXT2IMG_API std::string parameters_text(const Record& record);

// Chunks of the picture file in their order: Software, parameters, txt2img.
TXT2IMG_API std::vector<PngText> record_chunks(const Record& record);

// Parses a `txt2img` chunk: strict types and ranges, at most 1 MiB. Throws Error(kBadData).
TXT2IMG_API Record parse_record(const std::string& json);

// The record in a picture, if it has one. Throws as read_png_texts and parse_record do.
TXT2IMG_API std::optional<Record> read_record(const std::filesystem::path& picture);

}  // namespace txt2img
