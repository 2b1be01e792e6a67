// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Files in and out: bounded reading of what comes from outside, crash-safe writing, and the formats. Every reader takes
/// its file as untrusted.

#include <alloy/io/atomic_write.hpp>
#include <alloy/io/audio_file.hpp>
#include <alloy/io/digest.hpp>
#include <alloy/io/file.hpp>
#include <alloy/io/idx.hpp>
#include <alloy/io/image_file.hpp>
#include <alloy/io/label_table.hpp>
#include <alloy/io/manifest.hpp>
#include <alloy/io/module_state.hpp>
#include <alloy/io/nifti.hpp>
#include <alloy/io/nifti_header.hpp>
#include <alloy/io/npy.hpp>
#include <alloy/io/number_table.hpp>
#include <alloy/io/safetensors.hpp>
#include <alloy/io/safetensors_header.hpp>
#include <alloy/io/tar.hpp>
#include <alloy/io/video_file.hpp>
#include <alloy/io/video_options.hpp>
