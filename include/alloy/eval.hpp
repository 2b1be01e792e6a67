// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How good is it: predictions over datasets, metrics with intervals, contributions of modalities, retrieval across
/// modalities, classes named by prompts, and reports for people to look at.

#include <alloy/eval/alarms.hpp>
#include <alloy/eval/auroc.hpp>
#include <alloy/eval/brain_answers.hpp>
#include <alloy/eval/candidate_scores.hpp>
#include <alloy/eval/contrastive_report.hpp>
#include <alloy/eval/embed_all.hpp>
#include <alloy/eval/grounding_metrics.hpp>
#include <alloy/eval/html_boxes.hpp>
#include <alloy/eval/html_charts.hpp>
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_svg.hpp>
#include <alloy/eval/html_timeline.hpp>
#include <alloy/eval/html_words.hpp>
#include <alloy/eval/joint_scores.hpp>
#include <alloy/eval/machine_matching.hpp>
#include <alloy/eval/machine_report.hpp>
#include <alloy/eval/metrics.hpp>
#include <alloy/eval/pointing.hpp>
#include <alloy/eval/predictions.hpp>
#include <alloy/eval/presence_leak.hpp>
#include <alloy/eval/prompts.hpp>
#include <alloy/eval/retrieval_metrics.hpp>
#include <alloy/eval/scene_picture.hpp>
#include <alloy/eval/score_table.hpp>
#include <alloy/eval/sensor_alarms.hpp>
#include <alloy/eval/tensorboard.hpp>
#include <alloy/eval/zero_shot.hpp>
