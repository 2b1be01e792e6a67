// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What belongs to what: in time (speech to frames), in space (boxes to words), in meaning (spaces and labels of two modalities).

// In time.
#include <alloy/alignment/ctc_align.hpp>
#include <alloy/alignment/stream_aligner.hpp>
#include <alloy/alignment/stream_options.hpp>
#include <alloy/alignment/subtitles.hpp>
#include <alloy/alignment/word_spans.hpp>

// In meaning.
#include <alloy/alignment/cca.hpp>
#include <alloy/alignment/cka.hpp>
#include <alloy/alignment/deep_cca.hpp>
#include <alloy/alignment/embedding_geometry.hpp>
#include <alloy/alignment/label_map.hpp>
#include <alloy/alignment/matching.hpp>
#include <alloy/alignment/procrustes.hpp>
#include <alloy/alignment/sinkhorn.hpp>
