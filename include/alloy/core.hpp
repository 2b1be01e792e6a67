// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The shared nouns, the bases to derive from, and how errors, options, seeds and threads work.

#include <alloy/core/batch.hpp>
#include <alloy/core/check.hpp>
#include <alloy/core/config.hpp>
#include <alloy/core/encoder.hpp>
#include <alloy/core/error.hpp>
#include <alloy/core/export.hpp>
#include <alloy/core/features.hpp>
#include <alloy/core/fusion.hpp>
#include <alloy/core/holder.hpp>
#include <alloy/core/jobs.hpp>
#include <alloy/core/json.hpp>
#include <alloy/core/log.hpp>
#include <alloy/core/modality_map.hpp>
#include <alloy/core/options.hpp>
#include <alloy/core/progress.hpp>
#include <alloy/core/random.hpp>
#include <alloy/core/registry.hpp>
#include <alloy/core/task.hpp>
#include <alloy/core/tensor.hpp>
#include <alloy/core/threads.hpp>
#include <alloy/core/version.hpp>
