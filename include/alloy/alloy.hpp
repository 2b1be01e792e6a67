// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Everything of alloy, by area. `alloy/core/eigen.hpp` is opt-in and not part of it.

#include <alloy/alignment.hpp>
#include <alloy/core.hpp>
#include <alloy/data.hpp>
#include <alloy/encoders.hpp>
#include <alloy/eval.hpp>
#include <alloy/fusion.hpp>
#include <alloy/io.hpp>
#include <alloy/layers.hpp>
#include <alloy/losses.hpp>
#include <alloy/models.hpp>
#include <alloy/preprocess.hpp>
#include <alloy/train.hpp>
