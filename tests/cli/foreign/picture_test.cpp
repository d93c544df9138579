// What pictures of other programs say: the texts that these programs write, in our words.
#include "foreign/picture.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/infotext.h"

namespace txt2img::cli::foreign {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

Request read(const std::vector<PngText>& texts) {
  const std::optional<Request> request = read_request(texts);
  EXPECT_TRUE(request.has_value());
  return request.value_or(Request{});
}

Request read(const std::string& keyword, const std::string& text) { return read({{.keyword = keyword, .text = text}}); }

Options options_of(const Request& request) {
  Options options;
  for (const Setting& setting : request.settings) options[std::string(setting.option)] = setting.value;
  return options;
}

// --- AUTOMATIC1111 and what writes as it does

TEST(Infotext, IsAPromptANegativeOneAndSettings) {
  const Request request = read("parameters",
                               "a red apple\nNegative prompt: blurry, text\nSteps: 20, Sampler: DPM++ 2M, Schedule "
                               "type: Karras, CFG scale: 7, Seed: 2842213961, Size: 512x768, Model hash: 6ce0161689, "
                               "Model: v1-5-pruned-emaonly, Clip skip: 2, Version: v1.9.4");
  EXPECT_EQ(request.program, "AUTOMATIC1111 v1.9.4");
  EXPECT_EQ(request.prompt, "a red apple");
  EXPECT_EQ(options_of(request), (Options{{"negative", "blurry, text"},
                                          {"steps", "20"},
                                          {"sampler", "dpmpp_2m"},
                                          {"schedule", "Karras"},
                                          {"guidance", "7"},
                                          {"seed", "2842213961"},
                                          {"width", "512"},
                                          {"height", "768"},
                                          {"clip-skip", "2"}}));
  EXPECT_EQ(list_of_rest(request), "Model hash 6ce0161689, Model v1-5-pruned-emaonly, RNG GPU, its default");
}

TEST(Infotext, KeepsTheLinesOfBothPrompts) {
  const Request request =
      read("parameters", "a red apple,\n  on a table \n\nNegative prompt: blurry\ntext\nSteps: 9\r\n");
  EXPECT_EQ(request.prompt, "a red apple,\non a table\n");
  EXPECT_EQ(options_of(request), (Options{{"negative", "blurry\ntext"}, {"steps", "9"}}));
}

TEST(Infotext, ReadsQuotedValuesListsAndValuesWithCommas) {
  const Request request = read("parameters",
                               "x\nSteps: 9, Lora hashes: \"ink: 0123, wash: \\\"4567\\\"\", Civitai resources: "
                               "[{\"type\":\"lora\",\"n\":[1,2]}, "
                               "{\"a\":\"],\"}], Model: a, b, Seed: 5");
  std::map<std::string, std::string> rest;
  for (const Leftover& leftover : request.rest) rest[leftover.name] = leftover.value;
  EXPECT_EQ(rest["Lora hashes"], "ink: 0123, wash: \"4567\"");
  EXPECT_EQ(rest["Civitai resources"], "[{\"type\":\"lora\",\"n\":[1,2]}, {\"a\":\"],\"}]");
  EXPECT_EQ(rest["Model"], "a, b");
  EXPECT_EQ(options_of(request)["seed"], "5");
}

TEST(Infotext, TakesNoPartOfANumberAfterItsComma) {
  const Request request = read("parameters", "x\nSteps: 20, , b, Sampler: Euler a, c, Seed: 5, , d: e");
  EXPECT_EQ(options_of(request),
            (Options{{"negative", ""}, {"steps", "20"}, {"sampler", "Euler a, c"}, {"seed", "5"}}));
}

TEST(Infotext, EndsWhereNobodyReadsOn) {
  std::string text = "x\nSteps: 20";
  for (int i = 0; i < 5000; ++i) text += ", key " + std::to_string(i) + ": 1";
  const Request request = read("parameters", text);
  EXPECT_EQ(request.rest.size(), 1001U);
  EXPECT_EQ(request.rest.back().name, "further settings");
}

TEST(Infotext, NamesWhatChangesAPictureAndIsNotFollowed) {
  const Request request =
      read("parameters",
           "an apple <lora:ink:0.8> <b>\nSteps: 9, Sampler: Euler a, ENSD: 31337, Denoising strength: "
           "0.6, Hires upscale: 2, Hires upscaler: Latent, RNG: CPU, Version: v1.6.0");
  EXPECT_EQ(list_of_rest(request), "ENSD 31337, Hires upscale 2, Hires upscaler Latent, lora ink:0.8");
}

TEST(Infotext, AutomaticIsTheScheduleThatTheSamplerHasThere) {
  const auto schedule = [](const std::string& sampler, const std::string& type) {
    return options_of(read("parameters", "x\nSteps: 9, Schedule type: " + type + ", Sampler: " + sampler))["schedule"];
  };
  EXPECT_EQ(schedule("DPM++ 2M", "Automatic"), "karras");
  EXPECT_EQ(schedule("DPM++ 2M SDE", "Automatic"), "exponential");
  EXPECT_EQ(schedule("Euler a", "Automatic"), "model");
  EXPECT_EQ(schedule("Euler a", "DDIM"), "leading");
}

TEST(Infotext, TellsTheProgramsThatWriteIt) {
  const auto program = [](const std::string& end) { return read("parameters", "x\nSteps: 9, " + end).program; };
  EXPECT_EQ(program("Version: f2.0.1v1.10.1"), "Forge f2.0.1v1.10.1");
  EXPECT_EQ(program("Version: stable-diffusion.cpp"), "stable-diffusion.cpp");
  EXPECT_EQ(program("App: SD.Next, Version: abc"), "SD.Next abc");
  EXPECT_EQ(program("Civitai resources: [{}], Civitai metadata: {}"), "Civitai");
  EXPECT_EQ(program("Version: Fooocus v2.5.5"), "Fooocus v2.5.5");
}

TEST(Infotext, ReadsWhatStableDiffusionCppWrites) {
  const Request request =
      read("parameters",
           "a red apple\nNegative prompt: blurry\nSteps: 20, CFG scale: 7.000000, Guidance: 3.500000, "
           "Seed: 42, Size: 512x512, Model: sd.safetensors, RNG: cuda, Sampler: euler_a, Version: "
           "stable-diffusion.cpp");
  const Options options = options_of(request);
  EXPECT_EQ(options.at("guidance"), "7.000000");
  EXPECT_EQ(options.at("sampler"), "euler_a");
  EXPECT_EQ(list_of_rest(request), "Guidance 3.500000, Model sd.safetensors, RNG cuda");
}

TEST(Infotext, IsNoPromptThatHasColons) {
  for (const char* text : {"a red apple", "Subject: cat, Style: ink, Mood: calm", "Steps: a short film", "Size: big",
                           "steps, sampler: none", "a: b, c: d", ""}) {
    EXPECT_FALSE(parse_infotext(text).has_value()) << text;
    EXPECT_FALSE(is_infotext_end(text)) << text;
  }
  EXPECT_TRUE(is_infotext_end("Size: 512x512, Seed: 1, Sampler: Euler"));
  EXPECT_TRUE(is_infotext_end("  Steps: 20, Sampler: Euler a"));
}

// --- ComfyUI

constexpr std::string_view kGraph = R"({
  "3": {"class_type": "KSampler", "inputs": {"seed": ["20", 0], "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m_sde_gpu",
    "scheduler": "karras", "denoise": 1.0, "model": ["10", 0], "positive": ["6", 0], "negative": ["7", 0],
    "latent_image": ["5", 0]}, "is_changed": [NaN]},
  "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
  "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
  "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["21", 0], "clip": ["11", 0]}},
  "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "NaN, \"Infinity\"", "clip": ["11", 0]}},
  "8": {"class_type": "VAEDecode", "inputs": {"samples": ["30", 0], "vae": ["9", 0]}},
  "9": {"class_type": "VAELoader", "inputs": {"vae_name": "mse.safetensors"}},
  "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "ink.safetensors", "strength_model": 0.8,
    "strength_clip": 1.0, "model": ["4", 0], "clip": ["4", 1]}},
  "11": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["10", 1]}},
  "20": {"class_type": "PrimitiveInt", "inputs": {"value": 18446744073709551615}},
  "21": {"class_type": "StringNode", "inputs": {"string": "a red apple"}},
  "29": {"class_type": "LatentUpscale", "inputs": {"upscale_method": "nearest", "width": 1024, "height": 1536,
    "samples": ["3", 0]}},
  "30": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 9, "cfg": 8.0, "sampler_name": "euler", "scheduler":
    "normal", "denoise": 0.5, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["29", 0]}}})";

TEST(ComfyGraph, FollowsTheLinksOfTheFirstPass) {
  const Request request = read("prompt", std::string(kGraph));
  EXPECT_EQ(request.program, "ComfyUI");
  EXPECT_EQ(request.prompt, "a red apple");
  EXPECT_EQ(options_of(request), (Options{{"negative", "NaN, \"Infinity\""},
                                          {"seed", "18446744073709551615"},
                                          {"steps", "20"},
                                          {"guidance", "8"},
                                          {"sampler", "dpmpp_2m_sde"},
                                          {"schedule", "karras"},
                                          {"width", "512"},
                                          {"height", "768"},
                                          {"clip-skip", "2"}}));
  EXPECT_EQ(list_of_rest(request),
            "lora_name ink.safetensors (0.8), ckpt_name sd15.safetensors, another pass KSampler "
            "denoise 0.5, upscale_method nearest, vae_name mse.safetensors");
}

TEST(ComfyGraph, ReadsSamplersInParts) {
  const Request request = read("prompt", R"({
    "1": {"class_type": "SamplerCustomAdvanced", "inputs": {"noise": ["2", 0], "guider": ["3", 0], "sampler": ["4", 0],
      "sigmas": ["5", 0], "latent_image": ["6", 0]}},
    "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}},
    "3": {"class_type": "CFGGuider", "inputs": {"cfg": 3.5, "positive": ["7", 0], "negative": ["8", 0]}},
    "4": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "uni_pc"}},
    "5": {"class_type": "BasicScheduler", "inputs": {"scheduler": "normal", "steps": 12, "denoise": 0.8}},
    "6": {"class_type": "VAEEncode", "inputs": {"pixels": ["9", 0]}},
    "7": {"class_type": "CLIPTextEncodeSDXL", "inputs": {"text_g": "a star", "text_l": "shining"}},
    "8": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["7", 0]}},
    "9": {"class_type": "LoadImage", "inputs": {"image": "x.png"}}})");
  EXPECT_EQ(request.prompt, "a star");
  EXPECT_EQ(options_of(request), (Options{{"negative", ""},
                                          {"seed", "7"},
                                          {"steps", "12"},
                                          {"guidance", "3.5"},
                                          {"sampler", "unipc"},
                                          {"solver-type", "bh1"},
                                          {"solver-order", "3"},
                                          {"schedule", "normal"}}));
  EXPECT_EQ(list_of_rest(request), "denoise 0.8, text_l shining, latent_image VAEEncode");
}

TEST(ComfyGraph, NamesATextThatIsNotFound) {
  const Request request = read("prompt", R"({
    "1": {"class_type": "KSampler", "inputs": {"steps": 9, "sampler_name": "euler", "positive": ["2", 0],
      "negative": ["3", 0]}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": ["9", 0]}},
    "3": {"class_type": "Mystery", "inputs": {}}})");
  EXPECT_EQ(list_of_rest(request), "positive a text that is not found, Mystery, negative a text that is not found");
}

TEST(ComfyGraph, GoesRoundInNoCircle) {
  const Request request = read("prompt", R"({
    "1": {"class_type": "KSampler", "inputs": {"seed": ["2", 0], "steps": 9, "sampler_name": "euler", "positive": ["3", 0],
      "latent_image": ["1", 0], "model": ["4", 0]}},
    "2": {"class_type": "Reroute", "inputs": {"a": ["2", 0]}},
    "3": {"class_type": "Reroute", "inputs": {"conditioning": ["3", 0]}},
    "4": {"class_type": "Reroute", "inputs": {"model": ["4", 0]}}})");
  EXPECT_EQ(request.prompt, "");
  EXPECT_FALSE(has(request, "seed"));
}

TEST(ComfyGraph, IsReadFromWhatTheEditorSavesToo) {
  const Request request = read("workflow", R"({"nodes": [
    {"id": 3, "type": "KSampler", "widgets_values": [5, "fixed", 20, 8, "euler", "normal", 1],
     "inputs": [{"name": "positive", "link": 1}, {"name": "latent_image", "link": 2}, {"name": "negative", "link": null}]},
    {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a red apple"], "inputs": []},
    {"id": 5, "type": "EmptyLatentImage", "widgets_values": [512, 768, 4]}],
    "links": [[1, 6, 0, 3, 1, "CONDITIONING"], [2, 5, 0, 3, 3, "LATENT"]]})");
  EXPECT_EQ(request.prompt, "a red apple");
  EXPECT_EQ(options_of(request), (Options{{"seed", "5"},
                                          {"steps", "20"},
                                          {"guidance", "8"},
                                          {"sampler", "euler"},
                                          {"schedule", "normal"},
                                          {"width", "512"},
                                          {"height", "768"}}));
  EXPECT_EQ(list_of_rest(request), "batch_size 4");
}

// --- the others

TEST(ForeignPicture, ReadsInvokeAi) {
  const Request request = read("invokeai_metadata", R"({"app_version": "5.4.2", "generation_mode": "txt2img",
    "positive_prompt": "a red apple", "negative_prompt": "blurry", "width": 512, "height": 768, "seed": 4294967295,
    "rand_device": "cpu", "cfg_scale": 7.5, "cfg_rescale_multiplier": 0, "steps": 30, "scheduler": "ddim", "clip_skip": 1,
    "model": {"key": "1-2-3", "hash": "blake3:0", "name": "dreamshaper", "base": "sd-1", "type": "main"}, "vae": null,
    "loras": [{"model": {"key": "k", "name": "ink"}, "weight": 0.75}], "controlnets": []})");
  EXPECT_EQ(request.program, "InvokeAI 5.4.2");
  EXPECT_EQ(request.prompt, "a red apple");
  EXPECT_EQ(options_of(request), (Options{{"negative", "blurry"},
                                          {"width", "512"},
                                          {"height", "768"},
                                          {"seed", "4294967295"},
                                          {"guidance", "7.5"},
                                          {"guidance-rescale", "0"},
                                          {"steps", "30"},
                                          {"sampler", "ddim"},
                                          {"clip-skip", "2"}}));
  EXPECT_EQ(list_of_rest(request), "loras ink 0.75, model dreamshaper");
}

TEST(ForeignPicture, ReadsInvokeAiBeforeVersion3) {
  const Request request = read(
      {{.keyword = "Dream", .text = R"("a red apple [blurry]" -s 50 -S 1234 -W 512 -H 768 -C 7.5 -A k_lms)"},
       {.keyword = "sd-metadata", .text = R"({"model": "stable diffusion", "model_weights": "sd-1.4", "app_version":
             "v2.2.0", "image": {"prompt": [{"prompt": "a red apple [blurry]", "weight": 1.0}], "steps": 50, "seed": 1234,
             "variations": [], "threshold": 0}})"}});
  EXPECT_EQ(request.program, "InvokeAI v2.2.0");
  EXPECT_EQ(request.prompt, "a red apple");
  EXPECT_EQ(options_of(request), (Options{{"negative", "blurry"},
                                          {"steps", "50"},
                                          {"seed", "1234"},
                                          {"width", "512"},
                                          {"height", "768"},
                                          {"guidance", "7.5"},
                                          {"sampler", "lms"}}));
}

TEST(ForeignPicture, ReadsACommandLineOfInvokeAiWithoutItsMetadata) {
  const Request request =
      read({{.keyword = "Dream", .text = R"(a "red" apple -s50 --seed=7 --sampler_name DPM++ 2M Karras -U 2 -G 0)"}});
  EXPECT_EQ(request.prompt, "a red apple");
  EXPECT_EQ(options_of(request),
            (Options{{"steps", "50"}, {"seed", "7"}, {"sampler", "dpmpp_2m"}, {"schedule", "karras"}}));
  EXPECT_EQ(list_of_rest(request), "-U 2");
}

TEST(ForeignPicture, ReadsFooocus) {
  const Request request =
      read({{.keyword = "fooocus_scheme", .text = "fooocus"},
            {.keyword = "parameters", .text = R"j({"adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "juggernautXL_v8",
             "base_model_hash": "aeb7e9e689", "clip_skip": 2, "full_prompt": ["a red apple, cinematic"],
             "guidance_scale": 4.0, "loras": [["offset", 0.1, "4852686128"]], "metadata_scheme": "fooocus",
             "negative_prompt": "blurry", "performance": "Speed", "prompt": "a red apple", "refiner_model": "None",
             "refiner_switch": 0.5, "resolution": "(1152, 896)", "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras",
             "seed": "123", "sharpness": 2.0, "steps": 30, "styles": "['Fooocus V2']", "vae": "Default (model)",
             "version": "Fooocus v2.5.5"})j"}});
  EXPECT_EQ(request.program, "Fooocus v2.5.5");
  EXPECT_EQ(request.prompt, "a red apple");
  EXPECT_EQ(options_of(request), (Options{{"negative", "blurry"},
                                          {"guidance", "4"},
                                          {"width", "1152"},
                                          {"height", "896"},
                                          {"sampler", "dpmpp_2m_sde"},
                                          {"schedule", "karras"},
                                          {"seed", "123"},
                                          {"steps", "30"}}));
  EXPECT_EQ(list_of_rest(request),
            "base_model juggernautXL_v8, loras offset 0.1 4852686128, performance Speed, "
            "sharpness 2, styles ['Fooocus V2']");
}

TEST(ForeignPicture, ReadsNovelAi) {
  const Request request = read(
      {{.keyword = "Software", .text = "NovelAI"},
       {.keyword = "Source", .text = "Stable Diffusion XL 4BE8C60C"},
       {.keyword = "Comment", .text = R"({"prompt": "a red apple", "steps": 28, "height": 768, "width": 512, "scale":
             5.0, "cfg_rescale": 0.2, "seed": 7, "n_samples": 1, "noise_schedule": "native", "sampler":
             "k_euler_ancestral", "uc": "blurry", "sm": false, "request_type": "PromptGenerateRequest"})"}});
  EXPECT_EQ(request.program, "NovelAI");
  EXPECT_EQ(options_of(request), (Options{{"negative", "blurry"},
                                          {"steps", "28"},
                                          {"width", "512"},
                                          {"height", "768"},
                                          {"guidance", "5"},
                                          {"guidance-rescale", "0.2"},
                                          {"seed", "7"},
                                          {"sampler", "euler_a"},
                                          {"schedule", "native"}}));
  EXPECT_EQ(list_of_rest(request), "Source Stable Diffusion XL 4BE8C60C");
}

TEST(ForeignPicture, ReadsSwarmUiAndDrawThings) {
  const Request swarm =
      read("parameters", R"({"sui_image_params": {"prompt": "a star", "negativeprompt": "fog", "seed": 3,
    "steps": 9, "cfgscale": 4.5, "aspectratio": "1:1", "width": 64, "height": 64, "swarm_version": "0.9.5"}})");
  EXPECT_EQ(swarm.program, "SwarmUI 0.9.5");
  EXPECT_EQ(options_of(swarm).at("guidance"), "4.5");
  EXPECT_EQ(options_of(swarm).at("negative"), "fog");
  const Request things = read("XML:com.adobe.xmp",
                              "<x><exif:UserComment><rdf:li>{&quot;c&quot;:&quot;a &amp;lt; b&quot;,&quot;uc&quot;:"
                              "&quot;fog&quot;,&quot;size&quot;:&quot;64x128&quot;,&quot;scale&quot;:4.5}</rdf:li>");
  EXPECT_EQ(things.program, "Draw Things");
  EXPECT_EQ(things.prompt, "a &lt; b");
  EXPECT_EQ(options_of(things),
            (Options{{"negative", "fog"}, {"width", "64"}, {"height", "128"}, {"guidance", "4.5"}}));
}

TEST(ForeignPicture, ReadsATextForEachSetting) {
  const Request request = read({{.keyword = "prompt", .text = "a star"},
                                {.keyword = "num_inference_steps", .text = "9"},
                                {.keyword = "guidance_scale", .text = "4.5"},
                                {.keyword = "Software", .text = "x"}});
  EXPECT_EQ(request.prompt, "a star");
  EXPECT_EQ(options_of(request), (Options{{"steps", "9"}, {"guidance", "4.5"}}));
}

TEST(ForeignPicture, ReadsNothingIntoOtherTexts) {
  EXPECT_FALSE(read_request({}).has_value());
  for (const char* keyword : {"parameters", "prompt", "workflow", "Comment", "invokeai_metadata", "sd-metadata",
                              "UserComment", "XML:com.adobe.xmp", "Description"}) {
    for (const char* text : {"", "{", "[]", "{}", R"({"a": {"b": [1, "x"]}})", "null", "7", "<exif:UserComment>{"}) {
      const std::vector<PngText> texts{{.keyword = keyword, .text = text}};
      const bool is_prompt =
          keyword == std::string_view("prompt") && text[0] != '\0' && text != std::string_view("{}") && text[0] != '{';
      EXPECT_TRUE(is_prompt || !read_request(texts).has_value()) << keyword << ": " << text;
    }
  }
}

TEST(ForeignRequest, ListsNoMoreThanAnybodyReads) {
  Request request{.program = "x", .prompt = {}};
  for (int i = 0; i < 100; ++i) add_leftover(request, "k" + std::to_string(i), std::string(10000, 'x'));
  const std::string list = list_of_rest(request);
  EXPECT_LT(list.size(), 3000U);
  EXPECT_TRUE(list.ends_with("and 76 more")) << list;
}

}  // namespace
}  // namespace txt2img::cli::foreign
