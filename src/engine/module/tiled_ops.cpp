#include "module/tiled_ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/var_mean.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

namespace txt2img {
namespace {

using Kind = TiledOp::Kind;

// The operator after which a value is no longer needed; the result of all is needed for ever.
std::vector<std::size_t> last_uses(const TiledOps& ops) {
  std::vector<std::size_t> last(ops.size() + 1, 0);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    for (const std::size_t input : ops[i].inputs) last[input] = i;
  }
  last.back() = ops.size();
  return last;
}

struct Extent {
  std::int64_t channels = 0;
  std::int64_t scale = 1;  // of both sides, against the network's input

  // Per number of one channel of the network's input.
  [[nodiscard]] std::int64_t numel() const { return channels * scale * scale; }
};

std::vector<Extent> extents(const TiledOps& ops, std::int64_t channels) {
  std::vector<Extent> extents = {{.channels = channels}};
  for (const TiledOp& op : ops) {
    Extent extent = extents[op.inputs.front()];
    if (op.kind == Kind::kConvolution) extent.channels = op.weight.size(0);
    if (op.kind == Kind::kUpsample) extent.scale *= 2;
    extents.push_back(extent);
  }
  return extents;
}

// Values on which alone all later ones depend.
std::vector<std::size_t> bottlenecks(const TiledOps& ops) {
  const std::vector<std::size_t> last = last_uses(ops);
  std::vector<std::size_t> values;
  std::size_t needed_until = 0;  // by operators, of the values so far
  for (std::size_t value = 0; value <= ops.size(); ++value) {
    if (needed_until < value) values.push_back(value);
    needed_until = std::max(needed_until, last[value]);
  }
  return values;
}

// Where the work is cut: between two cuts tiles go through all operators at once, at a cut the whole tensor is kept.
// Every cut saves the second computation of what is before it, but the biggest tensors are those to do without.
std::vector<std::size_t> cuts(const TiledOps& ops, std::int64_t channels) {
  const std::vector<Extent> sizes = extents(ops, channels);
  std::int64_t biggest = 0;
  for (const Extent& extent : sizes) biggest = std::max(biggest, extent.numel());
  std::vector<std::size_t> kept = {0};
  for (const std::size_t value : bottlenecks(ops)) {
    if (value == 0 || value == ops.size()) continue;
    const Kind made_by = ops[value - 1].kind;
    const bool is_worth_it = made_by == Kind::kConvolution || made_by == Kind::kAdd;
    if (is_worth_it && sizes[value].numel() <= biggest / 2) kept.push_back(value);
  }
  kept.push_back(ops.size());
  return kept;
}

// Sums over a tensor (N, C, h, w), for each of its N x groups.
struct Moments {
  double count = 0;
  at::Tensor sum{};  // (N, groups) double
  at::Tensor sum_of_squares{};

  void add(const at::Tensor& x, std::int64_t groups) {
    const at::Tensor rows = x.reshape({x.size(0), groups, -1}).to(at::kFloat);
    auto [variance, mean] = at::var_mean(rows, at::IntArrayRef{2}, /*unbiased=*/false);
    variance = variance.to(at::kDouble);
    mean = mean.to(at::kDouble);
    const auto n = static_cast<double>(rows.size(2));
    sum = sum.defined() ? sum + mean * n : mean * n;
    const at::Tensor squares = (variance + mean * mean) * n;
    sum_of_squares = sum_of_squares.defined() ? sum_of_squares + squares : squares;
    count += n;
  }
};

// Group norm with given moments, and what comes after it in the operator.
at::Tensor normalise(const at::Tensor& x, const TiledOp& op, const Moments& moments) {
  const at::Tensor mean = moments.sum / moments.count;
  const at::Tensor variance = moments.sum_of_squares / moments.count - mean * mean;
  const auto per_channel = [&](const at::Tensor& of_groups) {
    return of_groups.repeat_interleave(x.size(1) / op.groups, 1);
  };
  const at::Tensor scale = per_channel((variance + op.eps).rsqrt()) * op.weight.to(at::kDouble);
  const at::Tensor shift = op.bias.to(at::kDouble) - per_channel(mean) * scale;
  const auto of_pixels = [](const at::Tensor& row) { return row.to(at::kFloat).unsqueeze(-1).unsqueeze(-1); };
  const at::Tensor y = at::addcmul(of_pixels(shift), x.to(at::kFloat), of_pixels(scale)).to(x.scalar_type());
  return op.has_silu ? at::silu(y) : y;
}

struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  [[nodiscard]] Range times(std::int64_t factor) const { return {begin * factor, end * factor}; }
};

// A part of a tensor's last two sides.
struct Window {
  Range rows{};
  Range columns{};

  [[nodiscard]] at::Tensor of(const at::Tensor& x) const {
    return x.slice(2, rows.begin, rows.end).slice(3, columns.begin, columns.end);
  }
};

std::vector<Range> split(std::int64_t size, std::int64_t step) {
  std::vector<Range> ranges;
  for (std::int64_t begin = 0; begin < size; begin += step) ranges.push_back({begin, std::min(size, begin + step)});
  return ranges;
}

// The operators between two cuts.
class Segment {
 public:
  Segment(const TiledOps& ops, std::size_t first, std::size_t last, std::int64_t channels)
      : ops_(&ops), first_(first), last_(last), extents_(extents(ops, channels)) {}

  at::Tensor run(const at::Tensor& x, std::int64_t tile) {
    for (std::size_t i = first_; i < last_; ++i) {
      if ((*ops_)[i].kind == Kind::kGroupNorm) measure(x, i, tile);
    }
    at::Tensor result;
    for_each_tile(x, last_, tile, [&](const at::Tensor& part, const Window& place) {
      if (!result.defined()) {
        const std::int64_t scale = scale_to(last_);
        result = at::empty({x.size(0), part.size(1), x.size(2) * scale, x.size(3) * scale}, part.options());
      }
      place.of(result).copy_(part);
    });
    return result;
  }

 private:
  [[nodiscard]] std::int64_t scale_to(std::size_t value) const {
    return extents_[value].scale / extents_[first_].scale;
  }

  void measure(const at::Tensor& x, std::size_t norm, std::int64_t tile) {
    const TiledOp& op = (*ops_)[norm];
    Moments moments;
    for_each_tile(x, op.inputs.front(), tile,
                  [&](const at::Tensor& part, const Window&) { moments.add(part, op.groups); });
    moments_[norm] = moments;
  }

  // Hands over the value of each tile and its place in the whole value.
  void for_each_tile(const at::Tensor& x, std::size_t value, std::int64_t tile,
                     const std::function<void(const at::Tensor&, const Window&)>& take) const {
    const std::vector<bool> needed = needed_for(value);
    const std::int64_t reach = reach_of(value, needed);
    const std::int64_t scale = scale_to(value);
    const std::int64_t step = std::max<std::int64_t>(1, tile / scale);
    const auto widen = [&](Range core, std::int64_t size) {
      return Range{std::max<std::int64_t>(0, core.begin - reach), std::min(size, core.end + reach)};
    };
    const auto within = [&](Range core, Range wide) {
      return Range{core.begin - wide.begin, core.end - wide.begin}.times(scale);
    };
    for (const Range rows : split(x.size(2), step)) {
      for (const Range columns : split(x.size(3), step)) {
        const Window wide = {widen(rows, x.size(2)), widen(columns, x.size(3))};
        const at::Tensor result = evaluate(wide.of(x), value, needed);
        take(Window{within(rows, wide.rows), within(columns, wide.columns)}.of(result),
             {rows.times(scale), columns.times(scale)});
      }
    }
  }

  // Which values `value` depends on.
  [[nodiscard]] std::vector<bool> needed_for(std::size_t value) const {
    std::vector<bool> needed(ops_->size() + 1, false);
    needed[value] = true;
    for (std::size_t i = value; i > first_; --i) {
      if (!needed[i]) continue;
      for (const std::size_t input : (*ops_)[i - 1].inputs) needed[input] = true;
    }
    return needed;
  }

  // How far, in numbers of the segment's input, `value` sees beyond its place.
  [[nodiscard]] std::int64_t reach_of(std::size_t value, const std::vector<bool>& needed) const {
    std::vector<std::int64_t> reach(ops_->size() + 1, 0);
    for (std::size_t i = value; i > first_; --i) {
      if (!needed[i]) continue;
      const TiledOp& op = (*ops_)[i - 1];
      std::int64_t wide = reach[i];
      if (op.kind == Kind::kConvolution) wide += std::max(op.weight.size(2), op.weight.size(3)) / 2;
      if (op.kind == Kind::kUpsample) wide = (wide + 1) / 2;
      for (const std::size_t input : op.inputs) reach[input] = std::max(reach[input], wide);
    }
    return reach[first_];
  }

  [[nodiscard]] at::Tensor evaluate(const at::Tensor& x, std::size_t value, const std::vector<bool>& needed) const {
    std::map<std::size_t, at::Tensor> values = {{first_, x}};
    const std::vector<std::size_t> last = last_uses(*ops_);
    for (std::size_t i = first_; i < value; ++i) {
      if (!needed[i + 1]) continue;
      values[i + 1] = apply(i, values);
      std::erase_if(values, [&](const auto& item) { return item.first <= i && last[item.first] <= i; });
    }
    return values.at(value);
  }

  [[nodiscard]] at::Tensor apply(std::size_t index, const std::map<std::size_t, at::Tensor>& values) const {
    const TiledOp& op = (*ops_)[index];
    const at::Tensor& x = values.at(op.inputs.front());
    switch (op.kind) {
      case Kind::kConvolution:
        if (op.convolve) return op.convolve(x);
        return at::conv2d(x, op.weight, op.bias.defined() ? std::optional(op.bias) : std::nullopt,
                          /*stride=*/1, {op.weight.size(2) / 2, op.weight.size(3) / 2});
      case Kind::kGroupNorm: return normalise(x, op, moments_.at(index));
      case Kind::kSilu: return at::silu(x);
      case Kind::kAdd: return x + values.at(op.inputs.back());
      case Kind::kScale: return x * op.factor;
      case Kind::kUpsample: return at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2});
    }
    return x;
  }

  const TiledOps* ops_;
  std::size_t first_;
  std::size_t last_;
  std::vector<Extent> extents_;
  std::map<std::size_t, Moments> moments_;  // of group norms, by their operator
};

}  // namespace

at::Tensor run_tiled(const TiledOps& ops, at::Tensor x, std::int64_t tile) {
  const std::int64_t channels = x.size(1);
  const std::vector<std::size_t> bounds = cuts(ops, channels);
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) x = Segment(ops, bounds[i], bounds[i + 1], channels).run(x, tile);
  return x;
}

std::int64_t peak_numel(const TiledOps& ops, at::IntArrayRef sizes) {
  const std::vector<Extent> of_values = extents(ops, sizes[1]);
  const std::vector<std::size_t> last = last_uses(ops);
  std::int64_t peak = 0;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    std::int64_t alive = of_values[i + 1].numel();
    for (std::size_t value = 0; value <= i; ++value) {
      if (last[value] >= i) alive += of_values[value].numel();
    }
    if (ops[i].kind == Kind::kConvolution) alive += of_values[ops[i].inputs.front()].numel() + of_values[i + 1].numel();
    peak = std::max(peak, alive);
  }
  return peak * sizes[0] * sizes[2] * sizes[3];
}

}  // namespace txt2img
