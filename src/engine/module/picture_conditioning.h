// What the UNet is told of a batch of pictures besides the latent and the time.
#pragma once

#include <c10/core/Device.h>

#include "module/text_cache.h"
#include "module/unet.h"
#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/request.h"

namespace txt2img {

// Of classifier-free guidance.
enum class GuidanceHalf { kNegative, kPositive };

// N rows, as the bundle's UNet takes them; `settings` are those that the pictures share.
TXT2IMG_API Conditioning make_conditioning(const Bundle& bundle, const EncodedTexts& texts, const Settings& settings,
                                           GuidanceHalf half, c10::Device device);

}  // namespace txt2img
