#include "txt2img/json.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "fixtures/bundle_fixture.h"

namespace txt2img {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 20;

const JsonSource& source() {
  static const JsonSource source{.name = "prompts.jsonl:3", .remedy = "correct the line"};
  return source;
}

nlohmann::json parse(const std::string& text) { return parse_json(text, source(), kBytesMax); }

std::string message_of_parsing(const std::string& text) {
  const std::string message = message_of(ExitCode::kBadData, [&text] { return parse(text); });
  EXPECT_TRUE(message.starts_with("prompts.jsonl:3: ")) << message;
  EXPECT_TRUE(message.ends_with("; correct the line")) << message;
  EXPECT_LT(message.size(), 300U);
  return message;
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

TEST(ParseJson, ReadsWhatIsJson) {
  EXPECT_EQ(parse("{\"a\": [1, -2.5e3, true, null, \"\\u00e4\xE6\x97\xA5\"]}\n").dump(),
            "{\"a\":[1,-2500.0,true,null,\"\xC3\xA4\xE6\x97\xA5\"]}");
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const char* text :
       {"",     " ",      "{",        "[1,]",         "{\"a\":1,}", "{a:1}",  "{'a':1}",     "[1] [2]",
        "[1]x", "nan",    "[NaN]",    "[Infinity]",   "[-]",        "[01]",   "[+1]",        "[1.]",
        "[.5]", "[0x10]", "// hm\n1", "[1] /* hm */", "\"a",        "\"\t\"", R"(["\x41"])", "truE"}) {
    EXPECT_TRUE(has(message_of_parsing(text), "not JSON")) << text;
  }
}

TEST(ParseJson, SaysWhereItWentWrong) {
  EXPECT_TRUE(has(message_of_parsing("{\"a\": 1,\n \"b\": x}"), "line 2, column 7"));
  EXPECT_TRUE(has(message_of_parsing("[1, x]"), " column 5"));
  message_of_parsing("\"" + std::string(10000, 'x'));  // which the library would quote in full
}

TEST(ParseJson, RefusesBytesThatAreNotUtf8) {
  for (const char* bad : {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE6\x97", "\x80", "\\ud800"}) {
    EXPECT_TRUE(has(message_of_parsing(std::string("{\"a\": \"") + bad + "\"}"), "not JSON")) << bad;
  }
}

TEST(ParseJson, DoesNotStopAtAZeroByte) {
  EXPECT_TRUE(has(message_of_parsing(std::string("{}\0garbage", 10)), "zero byte"));
  EXPECT_EQ(parse(R"(["a\u0000b"])")[0], std::string("a\0b", 3));
}

TEST(ParseJson, TakesThirtyTwoLevelsAndNoMore) {
  EXPECT_EQ(parse(nested(32)).size(), 1U);
  EXPECT_TRUE(has(message_of_parsing(nested(33)), "nested more than 32 deep"));
  EXPECT_TRUE(has(message_of_parsing(nested(300000)), "nested more than 32 deep"));
  EXPECT_TRUE(has(message_of_parsing(std::string(300000, '[')), "nested more than 32 deep"));
  std::string objects;
  for (int i = 0; i < 33; ++i) objects += "{\"a\":";
  EXPECT_TRUE(has(message_of_parsing(objects), "nested more than 32 deep"));
}

TEST(ParseJson, RefusesAKeyThatIsThereTwice) {
  EXPECT_TRUE(has(message_of_parsing(R"({"a": 1, "a": 1})"), "\"a\" is there twice"));
  EXPECT_TRUE(has(message_of_parsing(R"({"a": 1, "\u0061": 1})"), "\"a\" is there twice"));
  EXPECT_TRUE(has(message_of_parsing(R"({"x": 1, "b": {"c": {}, "a": 1, "a": 2}})"), "\"b.a\" is there twice"));
  EXPECT_EQ(parse(R"([{"a": {"a": 1}}, {"a": 2}])").size(), 2U);
}

TEST(ParseJson, RefusesNumbersThatADoubleCannotHold) {
  EXPECT_TRUE(has(message_of_parsing("[1e400]"), "number that is too large"));
  EXPECT_TRUE(has(message_of_parsing("[-1e400]"), "number that is too large"));
  EXPECT_TRUE(has(message_of_parsing("[" + std::string(1000, '9') + "]"), "number that is too large"));
}

TEST(ParseJson, RefusesMoreBytesThanAllowed) {
  EXPECT_EQ(parse_json("[1]", source(), 3).size(), 1U);
  const auto message = message_of(ExitCode::kBadData, [] { return parse_json("[1] ", source(), 3); });
  EXPECT_TRUE(has(message, "more than 3 bytes"));
}

// A getter applied to the value of "key" in {"a": {"key": VALUE}}.
template <class Get>
auto get_from(const std::string& value, const Get& get) {
  const nlohmann::json document = parse(R"({"a": {"key": )" + value + "}}");
  return get(JsonObject(document, source()).get_object("a"));
}

template <class Get>
std::string refusal(const std::string& value, const Get& get) {
  const std::string message = message_of(ExitCode::kBadData, [&] { return get_from(value, get); });
  EXPECT_TRUE(message.starts_with("prompts.jsonl:3: a.key ")) << message;
  EXPECT_TRUE(message.ends_with("; correct the line")) << message;
  return message;
}

TEST(JsonObject, TakesIntegersThatAreIntegersAndInRange) {
  const auto get = [](const JsonObject& object) { return object.get_integer("key", -5, 10); };
  EXPECT_EQ(get_from("-5", get), -5);
  EXPECT_EQ(get_from("10", get), 10);
  EXPECT_EQ(get_from("-0", get), 0);
  for (const char* bad : {"-6", "11", "3.7", "3.0", "3e0", "\"3\"", "true", "null", "[3]", "{}", "18446744073709551615",
                          "18446744073709551619", "-9223372036854775809", "4294967299", "1e300", "-0.0"}) {
    EXPECT_TRUE(has(refusal(bad, get), "must be a whole number from -5 to 10")) << bad;
  }
}

TEST(JsonObject, TakesTheLargestSeed) {
  const std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  const auto get = [max](const JsonObject& object) { return object.get_integer<std::uint64_t>("key", 0, max); };
  EXPECT_EQ(get_from("18446744073709551615", get), max);
  for (const char* bad : {"18446744073709551616", "-1", "7.0", "\"7\""})
    EXPECT_TRUE(has(refusal(bad, get), "must be a whole number from 0 to 18446744073709551615")) << bad;
}

TEST(JsonObject, TakesNumbersInRange) {
  const auto get = [](const JsonObject& object) { return object.get_number("key", {.min = -1, .max = 7.5}); };
  EXPECT_EQ(get_from("7.5", get), 7.5);
  EXPECT_EQ(get_from("-1", get), -1);
  EXPECT_FALSE(std::signbit(get_from("-0.0", get)));
  for (const char* bad : {"7.6", "-1.001", "1e308", "\"7\"", "false", "null", "[]"}) {
    EXPECT_TRUE(has(refusal(bad, get), "must be a number from -1 to 7.5")) << bad;
  }
}

TEST(JsonObject, LeavesOutTheEndsOfAnOpenRange) {
  const auto get = [](const JsonObject& object) {
    return object.get_number("key", {.min = 0, .max = 1, .is_open = true});
  };
  EXPECT_EQ(get_from("1e-300", get), 1e-300);
  EXPECT_TRUE(has(refusal("0", get), "is 0, must be a number from 0 to 1, both excluded"));
  EXPECT_TRUE(has(refusal("1.0", get), "is 1.0, must be a number from 0 to 1, both excluded"));
}

TEST(JsonObject, TakesBoolsTextsAndListsOfOneKind) {
  const auto get_bool = [](const JsonObject& object) { return object.get_bool("key"); };
  EXPECT_TRUE(get_from("true", get_bool));
  EXPECT_TRUE(has(refusal("1", get_bool), "is 1, must be true or false"));
  const auto get_string = [](const JsonObject& object) { return object.get_string("key"); };
  EXPECT_EQ(get_from("\"x\"", get_string), "x");
  EXPECT_TRUE(has(refusal("null", get_string), "is null, must be a text"));
  const auto get_strings = [](const JsonObject& object) { return object.get_strings("key"); };
  EXPECT_EQ(get_from(R"(["x", ""])", get_strings), (std::vector<std::string>{"x", ""}));
  EXPECT_TRUE(has(refusal(R"(["x", 1])", get_strings), "has the entry 1, all must be texts"));
  EXPECT_TRUE(has(refusal("\"x\"", get_strings), "must be a list"));
  const auto get_numbers = [](const JsonObject& object) { return object.get_numbers("key", {.min = 0, .max = 2}); };
  EXPECT_EQ(get_from("[0, 2.0]", get_numbers), (std::vector<double>{0, 2}));
  EXPECT_TRUE(has(refusal("[0, 3]", get_numbers), "has the entry 3, all must be numbers from 0 to 2"));
}

TEST(JsonObject, NamesThePlaceOfAnObjectInAList) {
  const auto get = [](const JsonObject& object) { return object.get_objects("key").at(1).get_bool("on"); };
  EXPECT_FALSE(get_from(R"([{}, {"on": false}])", get));
  const auto message = message_of(ExitCode::kBadData, [&] { return get_from("[{}, 7]", get); });
  EXPECT_EQ(message, "prompts.jsonl:3: a.key[1] is 7, must be an object; correct the line");
}

TEST(JsonObject, TellsTheChoices) {
  static constexpr std::array<std::string_view, 2> kNames{"leading", "trailing"};
  const auto get = [](const JsonObject& object) { return object.get_choice("key", kNames); };
  EXPECT_EQ(get_from("\"trailing\"", get), 1U);
  EXPECT_TRUE(has(refusal("\"Trailing\"", get), "is \"Trailing\", must be one of leading, trailing"));
}

TEST(JsonObject, SaysThatAKeyIsMissing) {
  const nlohmann::json document = parse("{\"a\": {}}");
  const JsonObject object = JsonObject(document, source()).get_object("a");
  EXPECT_FALSE(object.has("steps"));
  EXPECT_EQ(message_of(ExitCode::kBadData, [&] { return object.get_string("steps"); }),
            "prompts.jsonl:3: a.steps is missing; correct the line");
}

TEST(JsonObject, RefusesAnUnknownKeyWithTheNearestKnownOne) {
  const nlohmann::json document = parse(R"({"a": {"stepz": 1}})");
  const JsonObject object = JsonObject(document, source()).get_object("a");
  EXPECT_EQ(message_of(ExitCode::kBadData, [&] { object.allow_only({"seed", "steps"}); }),
            "prompts.jsonl:3: a.stepz is not a known key, did you mean steps?; correct the line");
  object.allow_only({"seed", "stepz"});
}

TEST(JsonObject, QuotesKeysThatAreNoPlainWords) {
  const nlohmann::json document = parse(R"({"unet.pt": 1, "\n": 2})");
  const JsonObject object(document, source());
  EXPECT_TRUE(has(message_of(ExitCode::kBadData, [&] { return object.get_bool("unet.pt"); }), "[\"unet.pt\"] is 1"));
  EXPECT_TRUE(has(message_of(ExitCode::kBadData, [&] { return object.get_bool("\n"); }), "[\"\\n\"] is 2"));
}

TEST(JsonObject, RefusesADocumentThatIsNoObject) {
  const nlohmann::json document = parse("[]");
  EXPECT_EQ(message_of(ExitCode::kBadData, [&] { return JsonObject(document, source()).keys(); }),
            "prompts.jsonl:3: is a list, must be an object; correct the line");
}

TEST(Quote, CutsBetweenCharactersAndEscapesControls) {
  EXPECT_EQ(quote("a\x1B\"\n"), R"("a\u001b\"\n")");
  std::string text;
  for (int i = 0; i < 30; ++i) text += "\xE6\x97\xA5";
  const std::string quoted = quote("x" + text);
  EXPECT_LE(quoted.size(), 65U);
  EXPECT_TRUE(quoted.starts_with("\"x\xE6\x97\xA5"));
  EXPECT_TRUE(quoted.ends_with("\xE6\x97\xA5...\"")) << quoted;
}

}  // namespace
}  // namespace txt2img
