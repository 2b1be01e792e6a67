// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Training.

#include <alloy/train/checkpoint.hpp>
#include <alloy/train/contrastive_job.hpp>
#include <alloy/train/contrastive_trainer.hpp>
#include <alloy/train/data_parallel.hpp>
#include <alloy/train/distributed_loss.hpp>
#include <alloy/train/fusion_job.hpp>
#include <alloy/train/gradient_cache.hpp>
#include <alloy/train/optimizer.hpp>
#include <alloy/train/process_group.hpp>
#include <alloy/train/schedule.hpp>
#include <alloy/train/speech_trainer.hpp>
#include <alloy/train/task_loss.hpp>
#include <alloy/train/trainer.hpp>
#include <alloy/train/weight_average.hpp>
