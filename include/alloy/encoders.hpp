// SPDX-License-Identifier: Apache-2.0
#pragma once

/// From one modality to features: text, images, audio, time series, tables, and features made elsewhere.

#include <alloy/encoders/conv_audio.hpp>
#include <alloy/encoders/conv_image.hpp>
#include <alloy/encoders/features.hpp>
#include <alloy/encoders/hashed_text.hpp>
#include <alloy/encoders/lenet.hpp>
#include <alloy/encoders/register.hpp>
#include <alloy/encoders/residual_image.hpp>
#include <alloy/encoders/series.hpp>
#include <alloy/encoders/spectrogram.hpp>
#include <alloy/encoders/spectrogram_transformer.hpp>
#include <alloy/encoders/table.hpp>
#include <alloy/encoders/text.hpp>
#include <alloy/encoders/vit.hpp>
