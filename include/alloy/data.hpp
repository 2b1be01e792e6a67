// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Where samples come from and how they become batches.

#include <alloy/data/brain_atlas.hpp>
#include <alloy/data/brain_corpus.hpp>
#include <alloy/data/brain_notes.hpp>
#include <alloy/data/catalogue.hpp>
#include <alloy/data/catalogue_tag.hpp>
#include <alloy/data/dataset.hpp>
#include <alloy/data/loader.hpp>
#include <alloy/data/manifest_dataset.hpp>
#include <alloy/data/modality_reader.hpp>
#include <alloy/data/picture_scenes.hpp>
#include <alloy/data/scene_batch.hpp>
#include <alloy/data/shapes.hpp>
#include <alloy/data/shard_dataset.hpp>
#include <alloy/data/shard_paths.hpp>
#include <alloy/data/speech_bank.hpp>
#include <alloy/data/two_recordings.hpp>
