#include "overview/overview.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "overview/contact_sheet.h"
#include "overview/gallery.h"
#include "screen/signals.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/output_file.h"
#include "txt2img/png.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 4;

// Of a file that may not be there, in a folder that may not be there either.
fs::path folder_of(const fs::path& file) {
  std::error_code ignored;
  return fs::weakly_canonical(fs::absolute(file).parent_path(), ignored);
}

void check_for_stop() {
  if (stop_signal() == 0) return;
  throw Error(stopped_code(), "interrupted; the pictures are there, the overview of them is not");
}

// Without pixels where there is no picture, or none that can be read.
Image read_picture(const fs::path& path) {
  check_for_stop();
  if (path.empty()) return {};
  try {
    return read_png(path);
  } catch (const Error&) {
    return {};
  }
}

// "gallery index.html to index-0002.html"
void announce(std::string_view what, const fs::path& file, std::size_t parts, Console& console) {
  const std::string last = parts > 1 ? " to " + part_of(file, parts).string() : "";
  console.remark(format_text("{} {}{}", what, file.string(), last));
}

}  // namespace

fs::path part_of(const fs::path& file, std::size_t number) {
  if (number == 1) return file;
  const std::string digits = std::to_string(number);
  fs::path name = file.stem();
  name += "-" + std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
  name += file.extension();
  return file.parent_path() / name;
}

Overview::Overview(const Overviews& wanted, const RunOptions& options, const Plan& plan)
    : options_(&options),
      plan_(&plan),
      sheet_(wanted.contact_sheet.value_or("")),
      gallery_(wanted.gallery.value_or("")) {
  if (sheet_.empty() && gallery_.empty()) return;
  if (plan.destination() != Destination::kFiles) {
    throw Error(
        ExitCode::kUsage,
        "--contact-sheet and --gallery show files, and this run writes none; give a name or a folder to --output");
  }
  entries_.resize(plan.jobs.size());
  check_parts(sheet_, kSheetPicturesMax);
  check_parts(gallery_, kPagePicturesMax);
  check_names();
}

void Overview::add(const Job& job, const Outcome& outcome) {
  if (entries_.empty()) return;
  const bool is_planned_name = outcome.status != Status::kFailed && outcome.path == plan_->path_of(job);
  const std::string& text = outcome.status == Status::kFailed ? outcome.error : outcome.path;
  entries_[static_cast<std::size_t>(&job - plan_->jobs.data())] = {.status = outcome.status,
                                                                   .text = is_planned_name ? "" : text};
}

void Overview::write(Console& console) const {
  check_names();  // a picture whose name was taken has got another
  if (!sheet_.empty()) write_sheets(console);
  if (!gallery_.empty()) write_gallery(console);
}

std::size_t Overview::parts(std::size_t size) const { return (entries_.size() + size - 1) / size; }

fs::path Overview::path_of(std::size_t job) const {
  const Entry& entry = entries_[job];
  return entry.status == Status::kFailed || entry.text.empty() ? plan_->path_of(plan_->jobs[job])
                                                               : fs::path(entry.text);
}

// A file that was there already may show anything: its own record tells. With --resume it is known to be of this job.
ShownPicture Overview::shown(std::size_t job) const {
  const Job& planned = plan_->jobs[job];
  ShownPicture shown{.number = plan_->items[planned.item].first + static_cast<std::size_t>(planned.image) + 1,
                     .status = entries_[job].status,
                     .path = path_of(job),
                     .settings = plan_->settings_of(planned)};
  if (shown.status == Status::kFailed) {
    shown.path.clear();
    shown.note = "failed: " + entries_[job].text;
  } else if (shown.status == Status::kSkipped && !options_->resumes) {
    try {
      const std::optional<Record> record = read_record(shown.path);
      shown.settings = record ? std::optional(record->settings) : std::nullopt;
      shown.note = record ? "" : "was there before; it does not say how it was drawn";
    } catch (const Error& error) {
      shown.path.clear();
      shown.settings.reset();
      shown.note = error.what();
    }
  }
  return shown;
}

std::vector<ShownPicture> Overview::part(std::size_t number, std::size_t size) const {
  std::vector<ShownPicture> pictures;
  const std::size_t end = std::min(number * size, entries_.size());
  for (std::size_t job = (number - 1) * size; job < end; ++job) {
    check_for_stop();
    pictures.push_back(shown(job));
  }
  return pictures;
}

void Overview::check_parts(const fs::path& file, std::size_t size) const {
  if (file.empty()) return;
  for (std::size_t number = 1; number <= parts(size); ++number) check_can_create(part_of(file, number));
}

// Pages do not end in .png, so that only a sheet can take the place of a picture.
void Overview::check_names() const {
  if (sheet_.empty()) return;
  std::set<fs::path> names;
  for (std::size_t number = 1; number <= parts(kSheetPicturesMax); ++number) {
    names.insert(part_of(sheet_, number).filename());
  }
  for (std::size_t job = 0; job < entries_.size(); ++job) {
    const fs::path path = path_of(job);
    if (!names.contains(path.filename()) || folder_of(path) != folder_of(sheet_)) continue;
    throw Error(ExitCode::kUsage,
                format_text("--contact-sheet {}: a picture of the run has the name {}; choose another", sheet_.string(),
                            path.string()));
  }
}

void Overview::write_parts(const fs::path& file, std::size_t size, const MakePart& make) const {
  for (std::size_t number = parts(size); number > 0; --number) {
    write_output_file(part_of(file, number), make(number, part(number, size)), OnExists::kOverwrite);
  }
}

void Overview::write_sheets(Console& console) const {
  std::size_t unreadable = 0;
  write_parts(sheet_, kSheetPicturesMax, [&](std::size_t, std::span<const ShownPicture> pictures) {
    ContactSheet sheet(pictures.size());
    for (const ShownPicture& shown : pictures) {
      const Image picture = read_picture(shown.path);
      if (picture.rgb.empty() && shown.status != Status::kFailed) ++unreadable;
      sheet.add(shown, picture);
    }
    return encode_png(sheet.image(), {});
  });
  if (unreadable > 0) {
    console.warning(
        format_text("{}{} could not be read for the contact sheet", unreadable, unreadable == 1 ? " file" : " files"));
  }
  announce("contact sheet", sheet_, parts(kSheetPicturesMax), console);
}

void Overview::write_gallery(Console& console) const {
  write_parts(gallery_, kPagePicturesMax,
              [this](std::size_t number, std::span<const ShownPicture> pictures) { return page_of(number, pictures); });
  announce("gallery", gallery_, parts(kPagePicturesMax), console);
}

Overview::Bytes Overview::page_of(std::size_t number, std::span<const ShownPicture> pictures) const {
  const std::size_t count = parts(kPagePicturesMax);
  const std::string html = gallery_html({.title = plan_->bundle.name + ": " + pictures_text(entries_.size()),
                                         .file = part_of(gallery_, number),
                                         .number = number,
                                         .count = count,
                                         .previous = number > 1 ? part_of(gallery_, number - 1) : fs::path(),
                                         .next = number < count ? part_of(gallery_, number + 1) : fs::path()},
                                        pictures);
  return {html.begin(), html.end()};
}

}  // namespace txt2img::cli
