// SPDX-License-Identifier: Apache-2.0
/// An encoder of your own in your own program: an options struct, a class and one line for its holder. Nothing of alloy is
/// edited; registered, it can be named in configs, saved and loaded.

#include <alloy/alloy.hpp>

#include <cstdio>

// [custom encoder]
struct HistogramOptions {
  int64_t bins = 16;
  int64_t dim = 32;
  static void describe(auto& self, auto&& field) {
    field("bins", self.bins, "number of bins over 0..1, > 0");
    field("dim", self.dim, "width of the output, > 0");
  }
};

/// A soft histogram of readings in 0..1, whatever their number.
class HistogramImpl final : public alloy::Encoder {
 public:
  using Options = HistogramOptions;
  static constexpr auto kName = "histogram";
  explicit HistogramImpl(HistogramOptions options) : options_(options), map_({.in_dim = options.bins, .out_dim = options.dim}) {
    register_module("map", map_);
  }
  alloy::Features forward(const alloy::ModalityInput& input) override {  // values [B, T]
    const auto centres = torch::linspace(0, 1, options_.bins, input.values.options());
    const auto near = torch::exp(-(input.values.unsqueeze(2) - centres).square() * options_.bins * options_.bins);  // [B, T, bins]
    return {.pooled = map_(alloy::masked_mean(near, input.mask))};
  }
  int64_t dim() const override { return options_.dim; }
  const HistogramOptions& options() const { return options_; }

 private:
  HistogramOptions options_;
  alloy::Linear map_;
};
using Histogram = alloy::Holder<HistogramImpl>;
// [custom encoder]

int main() {
  using namespace alloy;
  encoder_registry().add<HistogramImpl>();  // only for configs and saved models

  seed_everything(1);
  FusionModel model(GatedFusion({.modalities = {"sensor", "note"}, .dim = 32}), {.outputs = 2});
  model->add("sensor", Histogram({.bins = 12, .dim = 32}));
  model->add("note", TextEncoder({.dim = 32, .heads = 2, .layers = 1}));

  const ByteTokenizer tokenizer({.max_length = 32});
  const std::vector<std::string> notes = {"bearing is hot", "all quiet"};
  const auto tokens = tokenizer.encode_batch(notes);
  Batch batch{{"sensor", {.values = torch::rand({2, 100}), .present = torch::tensor({true, false})}},  // the second has no reading
              {"note", {.values = tokens.ids, .mask = tokens.mask}}};
  const ModelOutput out = model->predict(batch);

  const auto folder = std::filesystem::temp_directory_path() / "alloy-custom-encoder";
  save_model(folder, {.model = model, .labels = {"stop", "run"}, .modalities = {}});
  SavedModel loaded = load_model(folder);
  const bool same = at::equal(loaded.model->predict(batch).logits, out.logits);
  std::filesystem::remove_all(folder);
  std::printf("weights of the sample without a sensor: sensor %.2f, note %.2f\n", out.weights[1][0].item<double>(), out.weights[1][1].item<double>());
  const bool expected = same && out.weights[1][0].item<double>() == 0.0;
  std::printf("%s: saved, loaded and the same\n", expected ? "as expected" : "NOT what was expected");
  return expected ? 0 : 1;
}
