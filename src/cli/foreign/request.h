// What a text of another program asks for: in our words as far as there are some, the rest by its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace txt2img::cli::foreign {

struct Setting {
  std::string_view option;  // long name of ours: "seed"
  std::string value;        // as the command line would have it
  std::string origin;       // what the program calls it: "CFG scale"
};

// Whether something that is not followed makes a difference to the picture.
enum class Effect { kNone, kSome };

struct Leftover {
  std::string name;
  std::string value;
  Effect effect = Effect::kSome;
};

struct Request {
  std::string program;  // "AUTOMATIC1111 v1.9.4"
  std::string prompt;
  std::vector<Setting> settings{};  // each option at most once
  std::vector<Leftover> rest{};
};

// A key and its value as a program writes them, to where they belong: the prompt, a setting or the rest. Names are
// those of foreign_names.h.
void take(Request& request, std::string_view key, const std::string& value);

// A second value for the same option goes to the rest. A size is its width and its height.
void add(Request& request, Setting setting);

// What is known to make no difference, and what is not followed though it does.
void add_idle(Request& request, std::string_view name, std::string value);
void add_leftover(Request& request, std::string_view name, std::string value);

// A sampler as other programs call it: "DPM++ 2M Karras" is a sampler and a schedule. One that is unknown here stays as
// it is; whoever takes the setting over refuses it.
void add_sampler(Request& request, const std::string& label, const std::string& origin);

bool has(const Request& request, std::string_view option);

// "Model v1-5, Model hash 6ce0161689, LoRA ink (0.8)": what is not followed and makes a difference, each part and the
// whole cut to what anybody reads. Empty if there is nothing.
std::string list_of_rest(const Request& request);

}  // namespace txt2img::cli::foreign
