// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <alloy/data/dataset.hpp>
#include <alloy/io/manifest.hpp>
#include <alloy/train/contrastive_job.hpp>

namespace alloy::detail {

/// The data of a contrastive job.
struct ContrastiveData {
  std::shared_ptr<const Dataset> train, valid;  ///< valid may be nullptr
  std::string digest;                           ///< of the manifest, the names and sizes of shards, or the scenes
  std::map<std::string, int64_t> skipped, present;
  /// A training sample's values of one modality. @throws DataError if none has it
  Tensor example(const std::string& name) const;
};

ContrastiveData open_contrastive_data(const ContrastiveJobOptions& options, const std::vector<JobModality>& modalities, const std::filesystem::path& folder);

/// With the separator of the job.
Manifest read_job_manifest(const ContrastiveJobOptions& options, const std::filesystem::path& path);

/// `image` and `text`.
std::vector<JobModality> synthetic_modalities();

}  // namespace alloy::detail
