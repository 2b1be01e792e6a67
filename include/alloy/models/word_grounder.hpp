// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Learns to point: regions of pictures and words of captions in one space, where each word lies near the regions that it means.

#include <alloy/encoders/text.hpp>
#include <alloy/losses/logit_scale.hpp>
#include <alloy/models/region_encoder.hpp>

namespace alloy {

struct WordGrounderOptions {
  int64_t dim = 128;
  RegionEncoderOptions regions = {};
  TextEncoderOptions text = {.vocab_size = 64, .dim = 128, .heads = 4, .layers = 2, .max_length = 32};
  LogitScaleOptions scale = {.start = 10};
  static void describe(auto& self, auto&& field) {
    field("dim", self.dim, "width of the space, > 0");
    field("regions", self.regions, "of the pictures' side");
    field("text", self.text, "of the words' side; tokens are words");
    field("scale", self.scale, "of the loss");
  }
  ALLOY_API void validate() const;
};

/// Some captions about some pictures. Several captions may speak of one picture, which is encoded once.
struct GroundingInput {
  Tensor pictures;     ///< [P, C, H, W]
  Tensor boxes;        ///< [P, R, 4] in pixels
  Tensor region_mask;  ///< bool [P, R]; undefined = all real
  Tensor picture_of;   ///< int64 [Q]: the picture of each caption
  Tensor words;        ///< int64 [Q, W]
  Tensor word_mask;    ///< bool [Q, W]: what the text encoder reads; undefined = all
  Tensor speaks;       ///< bool [Q, W]: words that mean a region; undefined = all that are read
  Tensor phrase;       ///< bool [Q, W]: words that together mean one region; undefined = all that mean one
};

class ALLOY_API WordGrounderImpl final : public torch::nn::Module {
 public:
  using Options = WordGrounderOptions;
  static constexpr auto kName = "word_grounder";
  explicit WordGrounderImpl(WordGrounderOptions options);
  /// @throws ShapeError; DataError as ground_words does, and for picture_of out of range
  Grounding forward(const GroundingInput& input);
  /// grounding_loss of the words plus that of the phrases.
  /// @param meant  bool [Q, W, R]: the regions that each word means; a phrase means those that all its words mean
  Tensor loss(const GroundingInput& input, const Tensor& meant);
  LogitScale scale() const { return scale_; }
  const WordGrounderOptions& options() const { return options_; }

 private:
  WordGrounderOptions options_;
  RegionEncoder regions_;
  TextEncoder text_;
  Linear region_projection_, word_projection_;
  LogitScale scale_;
};
using WordGrounder = Holder<WordGrounderImpl>;

}  // namespace alloy
