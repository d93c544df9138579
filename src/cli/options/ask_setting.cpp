#include "options/ask_setting.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "options/option_values.h"
#include "txt2img/names.h"

namespace txt2img::cli {
namespace {

// A switch stands alone on the command line, which cannot say false: what is true by itself takes a value.
ValueKind kind_of_switch(bool SamplerOptions::* member) {
  return SamplerOptions{}.*member ? ValueKind::kBoolean : ValueKind::kSwitch;
}

struct KindOfMember {
  ValueKind operator()(std::uint64_t Settings::* /*seed*/) const { return ValueKind::kSeed; }
  ValueKind operator()(PixelPair SizeConditioning::* member) const {
    return member == &SizeConditioning::crop ? ValueKind::kPlace : ValueKind::kSize;
  }
  ValueKind operator()(bool SamplerOptions::* member) const { return kind_of_switch(member); }
  ValueKind operator()(std::optional<double> SamplerOptions::* /*number*/) const { return ValueKind::kReal; }
  template <class Part>
  ValueKind operator()(std::vector<double> Part::* /*numbers*/) const {
    return ValueKind::kReals;
  }
  template <class Part>
  ValueKind operator()(int Part::* /*number*/) const {
    return ValueKind::kInteger;
  }
  template <class Part>
  ValueKind operator()(double Part::* /*number*/) const {
    return ValueKind::kReal;
  }
  template <class Part, class Named>
  ValueKind operator()(Named Part::* /*text or choice*/) const {
    return ValueKind::kText;
  }
};

void ask(Request& request, std::string Settings::* member, std::string_view text) {
  request.ask(member, std::string(text));
}

void ask(Request& request, std::uint64_t Settings::* member, std::string_view text) {
  if (const std::optional<std::uint64_t> seed = parse_seed(text))
    request.ask(member, *seed);
  else
    request.forget(member);
}

void ask(Request& request, int Settings::* member, std::string_view text) { request.ask(member, parse_integer(text)); }

void ask(Request& request, double Settings::* member, std::string_view text) { request.ask(member, parse_real(text)); }

void ask(Request& request, SamplerKind Settings::* /*member*/, std::string_view text) {
  request.ask_sampler(parse_sampler(text));
}

void ask(Request& request, ScheduleKind Settings::* member, std::string_view text) {
  request.ask(member, parse_schedule(text));
}

void ask(Request& request, PixelPair SizeConditioning::* member, std::string_view text) {
  request.ask(member, KindOfMember{}(member) == ValueKind::kPlace ? parse_place(text) : parse_size(text));
}

template <class Part>
void ask(Request& request, std::vector<double> Part::* member, std::string_view text) {
  request.ask(member, parse_reals(text));
}

}  // namespace

void ask_setting(Request& request, const SettingInfo& row, std::string_view text) {
  if (row.option != nullptr) {
    request.ask_option(*row.option, text);
    return;
  }
  std::visit(
      [&](auto member) {
        if constexpr (requires { ask(request, member, text); }) ask(request, member, text);
      },
      row.member);
}

ValueKind kind_of(const SettingInfo& row) { return std::visit(KindOfMember{}, row.member); }

}  // namespace txt2img::cli
