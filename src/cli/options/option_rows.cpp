#include "options/home_path.h"
#include "options/option_setters.h"
#include "options/option_table.h"
#include "txt2img/names.h"

namespace txt2img::cli {
namespace {

using enum ValueKind;
using enum Scope;
using enum Group;

constexpr OptionInfo kTable[] = {
    {"-p,--prompt", "TEXT", kText, kCommandLine, kPicture,
     "A prompt, like PROMPT, which needs no option; both may be repeated. '-' reads one from standard input.",
     [](Options& o, std::string_view t) { o.prompts.emplace_back(t); }},
    {"-f,--file", "FILE", kText, kCommandLine, kPicture,
     "Draw every line of a prompt file, whose settings override those given here: .txt (a prompt, or --prompt \"...\" "
     "--steps 9), .jsonl, .tsv, .csv, .json; a folder of .txt files, each a prompt; '-' is standard input. May be "
     "repeated.",
     [](Options& o, std::string_view t) { o.files.push_back(expand_home(t)); }},
    {"--column", "KEY=NAME", kText, kCommandLine, kPicture,
     "Read a key of the prompt file from the column or key of that name: prompt=prompt_en; KEY= reads it from none. "
     "May be repeated.",
     [](Options& o, std::string_view t) { o.columns.push_back(parse_column_rule(t)); }},
    {"--format", "", kText, kCommandLine, kPicture, "Of the prompt file, where its name does not tell.",
     set_choice<&Options::format_of_file, &kPromptFormats>, kPromptFormats.names},
    {"--extra-keys", "", kText, kCommandLine, kPicture,
     "Keys and columns of the prompt file that are not known: refuse them, or pass them on to --json; error.",
     set_choice<&Options::extra_keys, &kExtraKeys>, kExtraKeys.names},
    setting("-N,--negative,--negative-prompt", "TEXT", kPicture, "What the picture should not show."),
    asking("-n,--count", "N", kInteger, kPicture, "Pictures per prompt, with the seeds s, s+1, ...; 1.",
           [](Request& r, std::string_view t) { r.count = parse_integer(t); }),
    setting("-s,--seed", "N", kPicture,
            "0 ... 2^64-1, or random (the default; it is printed and stored in the picture)."),
    asking("--size", "WxH", kSize, kPicture, "Width and height in one.",
           [](Request& r, std::string_view t) {
             const PixelPair size = parse_size(t);
             r.ask(&Settings::width, size.first).ask(&Settings::height, size.second);
           }),
    setting("-W,--width", "N", kPicture, "In pixels; the model says of what they must be multiples."),
    setting("-H,--height", "N", kPicture, "In pixels."),
    {"--from", "IMAGE", kText, kCommandLine, kPicture,
     "Take prompt and settings from a picture that txt2img drew, or another program as far as they are known here; "
     "other options override them.",
     [](Options& o, std::string_view t) { o.from = t; }},

    {"-m,--model", "DIR", kText, kEverywhere, kModel,
     "A model folder, or the name of one in $TXT2IMG_MODELS, ./models or among the installed ones; without it the "
     "bundled model draws.",
     [](Options& o, std::string_view t) { o.model = expand_home(t); }},
    {"--verify-model", "", kText, kEverywhere, kModel,
     "Compare the model's files with their SHA-256: at every start, once (remembered until a file changes), or never; "
     "once.",
     set_choice<&Options::verify_model, &kVerifyModel>, kVerifyModel.names},

    setting("--steps", "N", kSampling, "Steps of the sampler."),
    setting("-g,--guidance,--cfg-scale", "X", kSampling,
            "How closely the picture follows the prompt; 1 is without guidance."),
    setting("--guidance-rescale", "X", kSampling, "0 ... 1, against the glare of strong guidance; 0."),
    setting(
        "--guidance-interval", "BEGIN,END", kSampling,
        "Shares of the run between which guidance acts, such as 0.1,0.8: of n steps those i = 0 ... n-1 with BEGIN <= "
        "i/n < END. The others are computed without the negative half, in as little as half of the time; 0,1."),
    setting("--sampler", "NAME", kSampling,
            "The stepping rule (--list samplers); labels like \"DPM++ 2M Karras\" and the class names of diffusers are "
            "understood."),
    setting("--schedule", "NAME", kSampling,
            "How the noise levels are spaced (--list schedules; with --steps it prints them)."),
    setting("--eta", "X", kSampling, "0 ... 1, the noise that ddim and tcd add; 0."),
    setting("--sigmas", "LIST", kSampling,
            "The noise levels sigma/alpha to visit, falling, such as 14.6,3.2,0.7,0; the last is where the run ends."),
    setting("--timesteps", "LIST", kSampling, "The timesteps to visit, falling, such as 999,749,499,249."),
    setting("--clip-skip", "N", kSampling, "Layer of the text encoder, counted from its own; 1."),

    setting("--original-size", "WxH", kSampler,
            "SDXL: size of the picture that the drawn one is said to be cut from; the picture's own."),
    setting("--crop", "TOP,LEFT", kSampler, "SDXL: where it is said to be cut; 0,0."),
    setting("--target-size", "WxH", kSampler, "SDXL: size it is said to have; the picture's own."),
    setting("--sigma-min", "X", kSampler,
            "Least noise of the schedules karras, exponential, beta and lu; the model's."),
    setting("--sigma-max", "X", kSampler, "Most noise of these schedules; the model's."),
    setting("--rho", "X", kSampler, "karras: levels are evenly spaced in sigma^(1/rho); 7."),
    setting("--shift", "X", kSampler, "flow matching: shift of the levels towards noise; the model's."),
    setting("--s-churn", "X", kSampler, "euler: noise added over the whole run; 0."),
    setting("--s-tmin", "X", kSampler, "euler: ... only where sigma is at least this; 0."),
    setting("--s-tmax", "X", kSampler, "euler: ... and at most this."),
    setting("--s-noise", "X", kSampler, "euler with churn, dpmpp_sde: scale of the noise; 1."),
    setting("--solver-order", "N", kSampler, "lms, dpmpp_*, deis, unipc, sa_solver: order of the solver."),
    setting("--solver-type", "NAME", kSampler,
            "dpmpp_*: midpoint or heun; unipc: bh1 or bh2; pndm: plms or prk; ddpm: fixed_small, fixed_small_log or "
            "fixed_large; langevin: predictor_corrector or corrector."),
    setting("--solver-prediction", "x0|epsilon", kSampler, "dpmpp_*, unipc, sa_solver: what is extrapolated; x0."),
    setting("--lower-order-final", "true|false", kSampler,
            "Solvers: lower order in the last steps of a run of less than 15; true."),
    setting("--euler-at-final", "", kSampler, "dpmpp_2m, dpmpp_3m: first order in the last step."),
    setting("--final-sigmas-type", "zero|sigma_min", kSampler,
            "euler, dpmpp_*, unipc: where the run ends; the model's."),
    setting("--original-steps", "N", kSampler, "lcm, tcd: steps of the grid the model was distilled on; the model's."),
    setting("--snr", "X", kSampler, "langevin: signal-to-noise ratio of a correction; 0.16."),
    setting("--corrector-steps", "N", kSampler, "langevin: corrections at each noise level; 1."),

    {"--device", "auto|cpu|cuda[:N]", kText, kEverywhere, kMachine,
     "Where to draw; auto is CUDA if there is one. A device that is named never falls back.", set_device},
    {"--devices", "all|cuda:0,cuda:1,...", kText, kEverywhere, kMachine,
     "Draw on several devices at once, a picture or batch on each; all is every CUDA device; cpu,cpu shares the cores "
     "out. Of --device and --devices the last one counts.",
     set_devices},
    {"--dtype", "auto|float32|bfloat16|float16", kText, kEverywhere, kMachine,
     "Precision of text encoder and UNet; auto is the model's own on CUDA, float32 on a CPU.",
     set_precision<&EngineOptions::precision>},
    {"--vae-dtype", "auto|float32|bfloat16|float16", kText, kEverywhere, kMachine,
     "Precision of the VAE; auto is float32.", set_precision<&EngineOptions::vae_precision>},
    {"--vae-tiling", "", kText, kEverywhere, kMachine,
     "Decode in tiles: half of the memory or less, up to twice the time, the same picture but for rounding; auto does "
     "so where decoding at once would take more than half of the device's memory.",
     [](Options& o, std::string_view t) { o.engine.vae_tiling = parse_choice(t, kVaeTilings); }, kVaeTilings.names},
    {"--low-memory", "", kSwitch, kEverywhere, kMachine,
     "Load text encoder, UNet and VAE one after the other, and free each after use.",
     [](Options& o, std::string_view t) { o.engine.memory = parse_switch(t) ? MemoryUse::kLow : MemoryUse::kNormal; }},
    {"--threads", "N", kInteger, kEverywhere, kMachine,
     "Threads on the CPU; 0 takes all cores that the process and its container have time of, as without it.",
     [](Options& o, std::string_view t) { o.engine.threads = parse_integer(t, 0, 1024); }},
    {"--batch-size", "N", kInteger, kEverywhere, kMachine,
     "Pictures that the UNet draws in one call, as far as they differ in prompts and seeds only; 1.",
     [](Options& o, std::string_view t) { o.batch_size = parse_integer(t, 1, kBatchMax); }},
    {"--deterministic", "", kSwitch, kEverywhere, kMachine,
     "Only deterministic kernels, also where they are slower. Another number of threads may still round otherwise; "
     "--threads 1 does not.",
     [](Options& o, std::string_view t) { o.engine.is_deterministic = parse_switch(t); }},

    {"-o,--output", "PATH", kText, kEverywhere, kOutput,
     "x.png; a folder (exists, or ends in '/'); a template such as out/{index:05}_{seed}.png with the fields below; or "
     "'-' for standard output. Without it the name is made of the prompt and the seed.",
     set_output},
    {"--layout", "", kText, kEverywhere, kOutput,
     "Names in a folder: number and prompt, or as the evaluators GenEval and T2I-CompBench read them. flat with "
     "--file.",
     set_choice<&Options::layout, &kLayouts>, kLayouts.names},
    {"--on-exists", "", kText, kEverywhere, kOutput,
     "If the file is there already. The default is overwrite for x.png and templates, else rename; pictures of a "
     "prompt file "
     "or layout need names that are free (error), but for a line that names its own file.",
     set_choice<&Options::on_exists, &kOnExists>, kOnExists.names},
    {"--resume", "", kSwitch, kEverywhere, kOutput,
     "Leave pictures alone that are there, whole and of the same job; draw the others. Without a seed the one of the "
     "earlier run is taken. Pictures of lines that moved are renamed, damaged ones and those of other settings "
     "replaced, files that this program did not draw never.",
     set_switch<&Options::resumes>},
    {"--shard", "I/N", kText, kEverywhere, kOutput,
     "Draw only the items i with i mod N = I, counted from 0; names, seeds and bytes are those of the whole run.",
     [](Options& o, std::string_view t) {
       const auto [number, count] = parse_shard(t);
       o.shard = {number, count};
     }},
    {"--keep-going", "", kSwitch, kEverywhere, kOutput,
     "A picture that fails does not stop the others; the exit status is 1. So it is with --file.",
     set_on_failure<OnFailure::kGoOn>},
    {"--fail-fast", "", kSwitch, kEverywhere, kOutput,
     "The first picture that fails ends the run. So it is with prompts of the command line.",
     set_on_failure<OnFailure::kStop>},
    {"--stream", "", kSwitch, kCommandLine, kOutput,
     "With --file -: draw each line when it arrives and answer with its JSON record; a line that is wrong gets a "
     "record that says so.",
     set_switch<&Options::is_stream>},
    {"--contact-sheet", "FILE.png", kText, kCommandLine, kOutput,
     "At the end, a picture of all pictures of the run, small, with numbers, prompts and seeds; with more than 100 of "
     "them also FILE-0002.png, ...",
     [](Options& o, std::string_view t) { o.contact_sheet = parse_file_name(expand_home(t), ".png"); }},
    {"--gallery", "FILE.html", kText, kCommandLine, kOutput,
     "At the end, a page for a browser with all pictures of the run, their prompts, seeds and settings; with more than "
     "1000 of them also FILE-0002.html, ...",
     [](Options& o, std::string_view t) { o.gallery = parse_file_name(expand_home(t), ".html"); }},
    {"--no-metadata", "", kSwitch, kEverywhere, kOutput, "Leave the record of prompt and settings out of the picture.",
     [](Options& o, std::string_view t) { o.metadata = parse_switch(t) ? Metadata::kOmit : Metadata::kWrite; }},
    {"--json", "", kSwitch, kEverywhere, kOutput,
     "One JSON object per picture on standard output, instead of its path.",
     [](Options& o, std::string_view t) { o.format = parse_switch(t) ? ResultFormat::kJson : ResultFormat::kText; }},
    {"--progress", "", kText, kEverywhere, kOutput,
     "On standard error; auto is a bar on a terminal and a line per picture elsewhere.",
     set_choice<&Options::progress, &kProgressStyles>, kProgressStyles.names},
    {"-q,--quiet", "", kSwitch, kEverywhere, kOutput, "Say nothing but errors.", set_verbosity<Verbosity::kQuiet>},
    {"-v,--verbose", "", kSwitch, kEverywhere, kOutput, "Say more, and the details of errors.",
     set_verbosity<Verbosity::kVerbose>},
    {"--no-color", "", kSwitch, kEverywhere, kOutput, "No colours on a terminal, like the variable NO_COLOR.",
     [](Options& o, std::string_view t) { o.colour = parse_switch(t) ? Colour::kNever : Colour::kAuto; }},
    {"--config", "FILE", kText, kCommandLine, kOutput,
     "Read defaults from this TOML file; else from $XDG_CONFIG_HOME/txt2img/config.toml if it is there.",
     [](Options&, std::string_view) {}},

    {"--dry-run", "", kSwitch, kCommandLine, kOther,
     "Check everything and show what would be drawn, with the token ids.", choose<Action::kDryRun>},
    {"--verify", "PNG|DIR", kText, kCommandLine, kOther,
     "Draw a picture again and compare: exit 0 if it is the same, 1 if not. Writes nothing unless -o is given. With "
     "--file: look for each of its pictures in a folder and list those that are missing, damaged or of another job.",
     choose_with_subject<Action::kVerify>},
    {"--redo", "", kSwitch, kCommandLine, kOther, "With --verify DIR --file FILE: draw what is wrong again.",
     set_switch<&Options::redoes>},
    {"--tolerance", "N", kInteger, kEverywhere, kOther,
     "The difference in a channel that --verify allows, 0 ... 255; 0. Pictures of machines that differ need 1 or 2.",
     [](Options& o, std::string_view t) { o.tolerance = parse_integer(t, 0, 255); }},
    {"--show", "IMAGE", kText, kCommandLine, kOther, "Print the record of a picture: prompt, settings, model.",
     choose_with_subject<Action::kShow>},
    {"--list", "", kText, kCommandLine, kOther, "List what there is to choose from.",
     [](Options& o, std::string_view t) {
       choose_action(o, Action::kList);
       o.list = parse_choice(t, kListSubjects);
     },
     kListSubjects.names},
    {"--check", "[DIR]", kOptionalText, kCommandLine, kOther,
     "Check a model folder: manifest, hashes, tokenizer and a picture of one step.",
     choose_with_subject<Action::kCheck>},
    {"--version", "", kSwitch, kCommandLine, kOther, "Print the version.", choose<Action::kVersion>},
    {"-h,--help", "", kSwitch, kCommandLine, kOther, "Print this.", choose<Action::kHelp>},
};

}  // namespace

std::span<const OptionInfo> option_table() { return kTable; }

}  // namespace txt2img::cli
