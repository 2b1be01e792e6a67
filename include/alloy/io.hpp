// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Files in and out: images, audio and the tables that name them. Every reader takes its file as untrusted.

#include <alloy/io/audio_file.hpp>
#include <alloy/io/image_file.hpp>
#include <alloy/io/manifest.hpp>
