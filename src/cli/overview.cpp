#include "cli/overview.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "cli/contact_sheet.h"
#include "cli/finished.h"
#include "cli/gallery.h"
#include "cli/signals.h"
#include "txt2img/error.h"
#include "txt2img/output_file.h"
#include "txt2img/png.h"

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
  throw Error(static_cast<ExitCode>(128 + stop_signal()),
              "interrupted; the pictures are there, the overview of them is not");
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

}  // namespace

fs::path part_of(const fs::path& file, std::size_t number) {
  if (number == 1) return file;
  const std::string digits = std::to_string(number);
  fs::path name = file.stem();
  name += "-" + std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
  name += file.extension();
  return file.parent_path() / name;
}

Overview::Overview(const Options& options, const Plan& plan) : options_(&options), plan_(&plan) {
  if (!options.contact_sheet && !options.gallery) return;
  if (plan.destination() != Destination::kFiles) {
    throw Error(
        ExitCode::kUsage,
        "--contact-sheet and --gallery show files, and this run writes none; give a name or a folder to --output");
  }
  entries_.resize(plan.jobs.size());
  for (const auto& file : {options.contact_sheet, options.gallery}) {
    if (file) check_can_create(*file);
  }
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
  if (entries_.empty()) return;
  check_names();  // a picture whose name was taken has got another
  if (options_->contact_sheet) {
    write_sheets(console);
    announce("contact sheet", *options_->contact_sheet, parts(kSheetPicturesMax), console);
  }
  if (options_->gallery) {
    write_gallery();
    announce("gallery", *options_->gallery, parts(kPagePicturesMax), console);
  }
}

std::size_t Overview::parts(std::size_t size) const { return (entries_.size() + size - 1) / size; }

fs::path Overview::path_of(std::size_t job) const {
  const Entry& entry = entries_[job];
  return entry.status == Status::kFailed || entry.text.empty() ? plan_->path_of(plan_->jobs[job])
                                                               : fs::path(entry.text);
}

// A file that was there already may show anything: its own record tells. With --resume it is known to be of this job.
ShownPicture Overview::shown(std::size_t index) const {
  const Job& job = plan_->jobs[index];
  ShownPicture shown{.number = plan_->items[job.item].first + static_cast<std::size_t>(job.image) + 1,
                     .status = entries_[index].status,
                     .path = path_of(index),
                     .settings = plan_->settings_of(job)};
  if (shown.status == Status::kFailed) {
    shown.path.clear();
    shown.note = "failed: " + entries_[index].text;
  } else if (shown.status == Status::kSkipped && !options_->resumes) {
    try {
      const std::optional<Record> record = find_record(shown.path);
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

// Pages do not end in .png, so that only a sheet can take the place of a picture.
void Overview::check_names() const {
  if (!options_->contact_sheet) return;
  const fs::path file(*options_->contact_sheet);
  std::set<fs::path> names;
  for (std::size_t number = 1; number <= parts(kSheetPicturesMax); ++number) {
    names.insert(part_of(file, number).filename());
  }
  for (std::size_t job = 0; job < entries_.size(); ++job) {
    const fs::path path = path_of(job);
    if (!names.contains(path.filename()) || folder_of(path) != folder_of(file)) continue;
    throw Error(ExitCode::kUsage, "--contact-sheet " + file.string() + ": a picture of the run has the name " +
                                      path.string() + "; choose another");
  }
}

void Overview::write_parts(const fs::path& file, std::size_t size, const MakePart& make) const {
  for (std::size_t number = parts(size); number > 0; --number) {
    write_output_file(part_of(file, number), make(number, part(number, size)), OnExists::kOverwrite);
  }
}

void Overview::write_sheets(Console& console) const {
  std::size_t unreadable = 0;
  write_parts(*options_->contact_sheet, kSheetPicturesMax, [&](std::size_t, std::span<const ShownPicture> pictures) {
    ContactSheet sheet(pictures.size());
    for (const ShownPicture& shown : pictures) {
      const Image picture = read_picture(shown.path);
      if (picture.rgb.empty() && shown.status != Status::kFailed) ++unreadable;
      sheet.add(shown, picture);
    }
    return encode_png(sheet.image(), {});
  });
  if (unreadable > 0) {
    console.warning(std::to_string(unreadable) + " files could not be read for the contact sheet");
  }
}

void Overview::write_gallery() const {
  write_parts(*options_->gallery, kPagePicturesMax,
              [this](std::size_t number, std::span<const ShownPicture> pictures) { return page_of(number, pictures); });
}

Overview::Bytes Overview::page_of(std::size_t number, std::span<const ShownPicture> pictures) const {
  const fs::path file(*options_->gallery);
  const std::size_t count = parts(kPagePicturesMax);
  const std::string pictures_text = entries_.size() == 1 ? " picture" : " pictures";
  const std::string html =
      gallery_html({.title = plan_->bundle.name + ": " + std::to_string(entries_.size()) + pictures_text,
                    .file = part_of(file, number),
                    .number = number,
                    .count = count,
                    .previous = number > 1 ? part_of(file, number - 1) : fs::path(),
                    .next = number < count ? part_of(file, number + 1) : fs::path()},
                   pictures);
  return {html.begin(), html.end()};
}

void Overview::announce(const char* what, const fs::path& file, std::size_t parts, Console& console) const {
  if (parts == 1) return console.remark(std::string(what) + " " + file.string());
  console.remark(std::string(what) + " " + file.string() + " to " + part_of(file, parts).string());
}

}  // namespace txt2img::cli
