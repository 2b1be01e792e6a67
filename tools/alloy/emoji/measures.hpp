// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What the emoji demo asks of a trained model. Every query and every item is one emoji; emoji that are drawn alike count as one.

#include <alloy/eval/embed_all.hpp>
#include <alloy/eval/retrieval_metrics.hpp>
#include <alloy/io/manifest.hpp>
#include <alloy/models/joint_folder.hpp>

#include <map>

namespace alloy::tool::emoji {

/// A modality of the model and the column of a manifest that it is read from.
struct Source {
  std::string modality, column;
  Config augment = {};  ///< random changes
};

/// One row a row of the manifest, [rows, dim]; the manifest has that column in each row.
Tensor embed_column(const SavedJoint& model, const Manifest& manifest, const Source& source);
/// int64 [rows]: equal for emoji that have the same picture in some style.
Tensor picture_groups(const Manifest& manifest);
/// [rows, 3 * 16 * 16] pictures as they are, for the baseline.
Tensor pixels_of(const Manifest& manifest, const std::string& column, const Config& augment = {});
/// Rows whose column has, or has not, a value.
Manifest where(const Manifest& manifest, const std::string& column, const std::string& value);

/// Scores of one question, by name.
using Measured = std::vector<std::pair<std::string, RetrievalScores>>;

/// A text, or the picture of a known style by its pixels, to the picture of a style that was never seen.
Measured unseen_style(const SavedJoint& model, const std::filesystem::path& data, bool perturbed);
/// Emoji that no training row had, among themselves, in the style that was never seen.
RetrievalScores unseen_emoji(const SavedJoint& model, const std::filesystem::path& data);

struct KeywordScores {
  Score recall_1, recall_10;
  double chance_10 = 0;
  int64_t queries = 0;
};
/// Keywords that training never had with their emoji; an emoji is right if it has the keyword.
KeywordScores held_out_keywords(const SavedJoint& model, const std::filesystem::path& data, bool new_words);

struct SpeechScores {
  std::map<std::string, RetrievalScores> to_name;     ///< by voice: among the names of all seen emoji
  std::map<std::string, RetrievalScores> to_picture;  ///< by way of the nearest name
};
SpeechScores held_out_voices(const SavedJoint& model, const std::filesystem::path& data);

/// Noisy speech, two keywords, and the product of what both say, to the picture of the unseen style.
Measured speech_and_keywords(const SavedJoint& model, const std::filesystem::path& data, double snr_db);

}  // namespace alloy::tool::emoji
