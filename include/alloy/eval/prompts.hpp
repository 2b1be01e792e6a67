// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What stands for each class in a joint space: sentences with the label in them, example inputs, or ready embeddings.

#include <alloy/core/progress.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/models/joint_embedding.hpp>

namespace alloy {

/// One vector a class.
struct ClassPrompts {
  std::vector<std::string> labels;  ///< at least two, none empty, no repeats
  Tensor embeddings;                ///< [K, dim], finite and not zero; of any length, only directions count
  std::string modality = {};        ///< what they were made of: decides which learned scale of the model applies
  /// @throws ConfigError for the labels; ShapeError, or DataError naming the label, for the embeddings
  ALLOY_API void check() const;
};

struct PromptOptions {
  std::vector<std::string> labels = {};
  std::vector<std::string> templates = {};
  int64_t batch_size = 64;
  static void describe(auto& self, auto&& field) {
    field("labels", self.labels, "names of the classes, at least two, no repeats");
    field("templates", self.templates, "sentences in which each {} becomes the label, as 'a photo of a {}'; none = the label alone");
    field("batch_size", self.batch_size, "prompts embedded at a time, > 0");
  }
  ALLOY_API void validate() const;
};

/// The lines of a text file that are not empty, without blanks at their ends: labels, or templates.
/// @throws IoError; DataError for a file without any, or of more than 16 MiB
ALLOY_API std::vector<std::string> read_prompt_file(const std::filesystem::path& path);

/// The prompts of one label, in the order of the templates.
/// @throws ConfigError for a template without {}
ALLOY_API std::vector<std::string> fill_templates(const std::vector<std::string>& templates, const std::string& label);

/// Embeds all prompts; those of a label are averaged as unit vectors in the joint space (Radford et al. 2021, section 3.1.4).
/// @param modality  of the prompts in the model, such as "text"
/// @param reader    turns a prompt into what that encoder reads (make_modality_reader); what it cuts off is not seen
/// @throws ConfigError for labels and templates; DataError naming a label whose prompts cancel; else as JointEmbedding::embed
ALLOY_API ClassPrompts prompts_from_texts(JointEmbedding model, const std::string& modality, const ModalityReader& reader, const PromptOptions& options,
                                          const CancelToken& cancel = {});

/// Classes by example, of any modality: the examples of a class are averaged as above.
/// @param classes  int64 [P], the class 0..K-1 of each example; undefined = example i is class i
/// @throws DataError for a class without example or out of range; else as prompts_from_texts
ALLOY_API ClassPrompts prompts_from_examples(JointEmbedding model, const std::string& modality, const ModalityInput& examples, const std::vector<std::string>& labels,
                                             const Tensor& classes = {});

}  // namespace alloy
