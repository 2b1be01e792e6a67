// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Tables: numbers and categories of a row through an MLP. A number that is NaN, and a category that is -1, is missing.

#include <alloy/core/encoder.hpp>
#include <alloy/layers/mlp.hpp>
#include <alloy/layers/torch_layers.hpp>

#include <memory>

namespace alloy {

struct TableEncoderOptions {
  int64_t numbers = 0;
  std::vector<int64_t> categories = {};
  int64_t category_dim = 16;
  int64_t dim = 128;
  double dropout_rate = 0.0;
  static void describe(auto& self, auto&& field) {
    field("numbers", self.numbers, "numeric columns, >= 0");
    field("categories", self.categories, "number of values of each categorical column, > 0");
    field("category_dim", self.category_dim, "width of a category's vector, > 0");
    field("dim", self.dim, "width of the output, > 0");
    field("dropout_rate", self.dropout_rate, "0..1, in the MLP");
  }
  ALLOY_API void validate() const;
};

class ALLOY_API TableEncoderImpl final : public Encoder {
 public:
  using Options = TableEncoderOptions;
  static constexpr auto kName = "table";
  explicit TableEncoderImpl(TableEncoderOptions options);
  /// @param input  values [B, numbers + number of categorical columns] float: the numbers, best standardised, then the
  ///               categories as indices
  /// @return pooled [B, dim]
  /// @throws DataError for a category out of range
  Features forward(const ModalityInput& input) override;
  int64_t dim() const override { return options_.dim; }
  const TableEncoderOptions& options() const { return options_; }

 private:
  TableEncoderOptions options_;
  std::vector<std::shared_ptr<torch::nn::EmbeddingImpl>> embeddings_;  // row 0 of each = missing
  Mlp mlp_;
};
using TableEncoder = Holder<TableEncoderImpl>;

}  // namespace alloy
