// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Whole models: encoders, a fusion and heads in one module, or encoders into one space.

#include <alloy/models/builtins.hpp>
#include <alloy/models/dual_encoder.hpp>
#include <alloy/models/fusion_model.hpp>
#include <alloy/models/joint_embedding.hpp>
#include <alloy/models/joint_folder.hpp>
#include <alloy/models/modality_info.hpp>
#include <alloy/models/model_folder.hpp>
#include <alloy/models/region_encoder.hpp>
#include <alloy/models/word_grounder.hpp>
#include <alloy/models/phrase_grid.hpp>
