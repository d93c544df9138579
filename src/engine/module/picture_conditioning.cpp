#include "module/picture_conditioning.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <cstdint>
#include <vector>

namespace txt2img {
namespace {

// The scores are those that the reference's refiner is told.
double time_id(TimeId id, const Settings& settings, GuidanceHalf half) {
  const SizeConditioning& sizes = settings.size_conditioning;
  switch (id) {
    case TimeId::kOriginalHeight: return sizes.original_size.second > 0 ? sizes.original_size.second : settings.height;
    case TimeId::kOriginalWidth: return sizes.original_size.first > 0 ? sizes.original_size.first : settings.width;
    case TimeId::kCropTop: return sizes.crop.first;
    case TimeId::kCropLeft: return sizes.crop.second;
    case TimeId::kTargetHeight: return sizes.target_size.second > 0 ? sizes.target_size.second : settings.height;
    case TimeId::kTargetWidth: return sizes.target_size.first > 0 ? sizes.target_size.first : settings.width;
    case TimeId::kAestheticScore: return half == GuidanceHalf::kPositive ? 6.0 : 2.5;
  }
  return 0;
}

// (N, number of ids) float32.
at::Tensor make_time_ids(const UnetSpec& spec, const Settings& settings, GuidanceHalf half, std::int64_t rows,
                         c10::Device device) {
  std::vector<double> ids;
  for (const TimeId id : spec.time_ids) ids.push_back(time_id(id, settings, half));
  return at::tensor(ids, at::kFloat).repeat({rows, 1}).to(device);
}

}  // namespace

Conditioning make_conditioning(const Bundle& bundle, const EncodedTexts& texts, const Settings& settings,
                               GuidanceHalf half, c10::Device device) {
  const std::int64_t rows = texts.ids.size(0);
  Conditioning conditioning;
  conditioning[UnetInput::kContext] = texts.context;
  conditioning[UnetInput::kPooled] = texts.pooled;
  if (bundle.unet.takes(UnetInput::kTimeIds))
    conditioning[UnetInput::kTimeIds] = make_time_ids(bundle.unet, settings, half, rows, device);
  if (bundle.unet.takes(UnetInput::kGuidance))
    conditioning[UnetInput::kGuidance] =
        at::full({rows}, settings.guidance, at::TensorOptions(at::kFloat).device(device));
  return conditioning;
}

}  // namespace txt2img
