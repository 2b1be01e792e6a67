// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What belongs to what: in time (speech to frames), in space (boxes to words), in meaning (spaces and labels of two modalities).

// In time.
#include <alloy/alignment/clock.hpp>
#include <alloy/alignment/cross_modal_attention.hpp>
#include <alloy/alignment/delay.hpp>
#include <alloy/alignment/ctc_align.hpp>
#include <alloy/alignment/stream_aligner.hpp>
#include <alloy/alignment/stream_options.hpp>
#include <alloy/alignment/subtitles.hpp>
#include <alloy/alignment/word_spans.hpp>

// In space.
#include <alloy/alignment/assign.hpp>
#include <alloy/alignment/boxes.hpp>
#include <alloy/alignment/grounding.hpp>
#include <alloy/alignment/homography.hpp>
#include <alloy/alignment/nms.hpp>
#include <alloy/alignment/projection.hpp>
#include <alloy/alignment/roi.hpp>
// In time: dynamic time warping.
#include <alloy/alignment/dtw.hpp>
#include <alloy/alignment/dtw_matrix.hpp>
#include <alloy/alignment/soft_dtw.hpp>

// In meaning.
#include <alloy/alignment/embedding_geometry.hpp>
