// SPDX-License-Identifier: Apache-2.0
#pragma once

/// From what files hold to what encoders read: text to ids, images to tensors, waveforms to log-mel, series to windows.

#include <alloy/preprocess/augment.hpp>
#include <alloy/preprocess/background.hpp>
#include <alloy/preprocess/byte_tokenizer.hpp>
#include <alloy/preprocess/color_jitter.hpp>
#include <alloy/preprocess/hashed_ngrams.hpp>
#include <alloy/preprocess/image.hpp>
#include <alloy/preprocess/image_affine.hpp>
#include <alloy/preprocess/image_augment.hpp>
#include <alloy/preprocess/lexicon.hpp>
#include <alloy/preprocess/log_mel.hpp>
#include <alloy/preprocess/pitch.hpp>
#include <alloy/preprocess/series.hpp>
#include <alloy/preprocess/spec_augment.hpp>
#include <alloy/preprocess/text_noise.hpp>
#include <alloy/preprocess/token_batch.hpp>
#include <alloy/preprocess/waveform.hpp>
