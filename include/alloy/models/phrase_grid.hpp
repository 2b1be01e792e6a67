// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Phrases of a text aligned with places of a picture, learnt from pictures and texts alone: nobody says where. A phrase is a vector, a
/// picture a grid of cells with vectors; a phrase is found where a cell is like it (the idea of Fang et al. 2015, "From Captions to
/// Visual Concepts and Back", sec. 3, and of FILIP, with a soft maximum). Whether a phrase affirms or denies what it names is a number
/// that the text encoder learns beside the vector, so that "no mass in the left lobe" still points at the left lobe.

#include <alloy/encoders/text.hpp>
#include <alloy/layers/residual_conv.hpp>
#include <alloy/preprocess/token_batch.hpp>

namespace alloy {

struct PhraseGridOptions {
  int64_t channels = 1;
  std::vector<int64_t> widths = {24, 48};
  int64_t blocks = 1;
  int64_t stem_stride = 2;
  int64_t vocab_size = 64;
  int64_t max_length = 32;
  int64_t dim = 64;
  int64_t heads = 4;
  int64_t layers = 1;
  double sharpness = 20.0;
  static void describe(auto& self, auto&& field) {
    field("channels", self.channels, "channels of the picture, > 0");
    field("widths", self.widths, "channels of each stage of the picture's network (ResidualConv); all but the first halve height and width");
    field("blocks", self.blocks, "residual blocks a stage, > 0");
    field("stem_stride", self.stem_stride, "1, or 2 to halve height and width at once");
    field("vocab_size", self.vocab_size, "number of word ids, > 0");
    field("max_length", self.max_length, "longest phrase in words, > 0");
    field("dim", self.dim, "width of the common space, divisible by heads");
    field("heads", self.heads, "attention heads of the text encoder, > 0");
    field("layers", self.layers, "transformer layers of the text encoder, >= 0");
    field("sharpness", self.sharpness, "of the soft maximum over cells, > 0: large = the best cell alone");
  }
  ALLOY_API void validate() const;  ///< throws ConfigError
};

/// Phrases in the common space. P phrases.
struct EncodedPhrases {
  Tensor vectors;   ///< [P, D] unit rows: what is named, and where
  Tensor polarity;  ///< [P] in -1..1: affirmed above 0, denied below
};

/// Texts as phrases: phrase p belongs to text `owner[p]`.
struct PhraseBatch {
  TokenBatch words;  ///< ids and mask [P, T]
  Tensor owner;      ///< [P] int64, 0 .. N - 1; each text has a phrase at least
  int64_t texts = 0;
};
/// @param texts  word ids by text and phrase @throws ShapeError for a text without phrases or a phrase without words
ALLOY_API PhraseBatch make_phrase_batch(const std::vector<std::vector<std::vector<int64_t>>>& texts);

class ALLOY_API PhraseGridImpl final : public torch::nn::Module {
 public:
  using Options = PhraseGridOptions;
  static constexpr auto kName = "phrase_grid";
  explicit PhraseGridImpl(PhraseGridOptions options);

  /// @param pictures  [B, channels, H, W] @return cells [B, G, D], unit rows, G = H' W', rows first
  Tensor embed_cells(const Tensor& pictures);
  /// @param words  ids below vocab_size
  EncodedPhrases embed_phrases(const TokenBatch& words);

  /// How well each phrase fits each picture's cells as a logit: above 0, it is more likely there than not. Says nothing of polarity.
  /// @param vectors  [P, D] @param cells  [B, G, D] @return [P, B]
  Tensor evidence(const Tensor& vectors, const Tensor& cells);
  /// The same of phrase p and the one picture cells[p]. @param cells  [P, G, D] @return [P]
  Tensor own_evidence(const Tensor& vectors, const Tensor& cells);

  /// Logarithm of the probability that all phrases of a text are true: the sum over its phrases of log sigmoid(polarity * evidence).
  /// @return [N, B], of every text and every picture
  Tensor text_scores(const PhraseBatch& texts, const Tensor& cells);
  /// @param cells  [N, G, D] @return [N], of each text and its own picture
  Tensor own_text_scores(const PhraseBatch& texts, const Tensor& cells);
  const PhraseGridOptions& options() const { return options_; }

 private:
  Tensor logit_of(const Tensor& similarity);  // [..., G] to [...]
  PhraseGridOptions options_;
  ResidualConv picture_;
  TextEncoder text_;
  Mlp cell_;
  Linear phrase_, polarity_;
  Tensor log_scale_, offset_;
};
using PhraseGrid = Holder<PhraseGridImpl>;

/// Contrast of texts and pictures (InfoNCE both ways on text_scores): text i belongs to picture i. Texts that are known to be false of
/// their picture, such as one with its negation moved, join the texts that the picture must not choose.
/// @param cells    [N, G, D]
/// @param falsehoods  each with N texts, the i-th false of picture i
/// @param counts   by falsehood: bool [N], false = leave this one out; undefined = all count
/// @param also_true  bool [N, N]: text i is true of picture j, which is no negative then; undefined = of its own alone
ALLOY_API Tensor phrase_contrast(PhraseGrid model, const PhraseBatch& texts, const Tensor& cells, const std::vector<PhraseBatch>& falsehoods = {},
                                 const std::vector<Tensor>& counts = {}, const Tensor& also_true = {});

/// Contrast of phrases and cells, where it is known which cells a phrase is about: the mean over phrases of -log of the share that softmax(sharpness
/// * similarity) over the picture's cells gives to the right ones.
/// @param vectors  [P, D] @param cells  [P, G, D], of the picture of each phrase @param right  bool [P, G], at least one a phrase
/// @throws ShapeError; DataError for a phrase without a right cell
ALLOY_API Tensor cell_contrast(PhraseGrid model, const Tensor& vectors, const Tensor& cells, const Tensor& right);

/// Cells of any number of pictures, a batch at a time, without gradients. @param pictures  [N, channels, H, W] @return [N, G, D]
ALLOY_API Tensor embed_all_cells(PhraseGrid model, const Tensor& pictures, int64_t batch_size = 64);
/// The cell that is most like each phrase, without gradients. @param words  P phrases @param cells  [P, G, D], of the picture of each @return int64
/// [P]
ALLOY_API Tensor point_at(PhraseGrid model, const TokenBatch& words, const Tensor& cells);
/// text_scores of any number of texts and pictures, in blocks, without gradients. @param texts  as make_phrase_batch takes them @return [N, B]
ALLOY_API Tensor all_text_scores(PhraseGrid model, const std::vector<std::vector<std::vector<int64_t>>>& texts, const Tensor& cells);

/// Which cells of the grid a region of the picture touches. @param mask  bool [..., H, W] @return bool [..., rows * columns]
ALLOY_API Tensor touched_cells(const Tensor& mask, int64_t rows, int64_t columns);

}  // namespace alloy
