// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What belongs to what: in time (speech to frames), in space (boxes to words), in meaning (spaces and labels of two modalities).

// In time.
#include <alloy/alignment/ctc_align.hpp>
#include <alloy/alignment/subtitles.hpp>
#include <alloy/alignment/word_spans.hpp>

// In time: speech.
#include <alloy/alignment/timed_speech.hpp>
#include <alloy/alignment/word_baselines.hpp>
#include <alloy/alignment/word_onsets.hpp>

// In meaning.
#include <alloy/alignment/embedding_geometry.hpp>
