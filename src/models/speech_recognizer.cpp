// SPDX-License-Identifier: Apache-2.0
#include <alloy/models/speech_recognizer.hpp>

#include "models/detail/config_parts.hpp"
#include "models/detail/evaluation_mode.hpp"

#include <alloy/io/module_state.hpp>
#include <alloy/models/builtins.hpp>
#include <alloy/preprocess/waveform.hpp>

#include <torch/types.h>
#include <torch/utils.h>

namespace alloy {

namespace {

constexpr std::string_view kModelType = "alloy_speech";
constexpr double kLoudness = 0.1;  // root of the mean square

}  // namespace

void SpeechRecognizerOptions::validate() const {
  lexicon.validate();
  log_mel.validate();
  check<ConfigError>(frames_per_step >= 1 && frames_per_step <= 64, "[SpeechRecognizer] expected frames_per_step in 1..64, got {}",
                     {frames_per_step});
  check<ConfigError>(log_mel.padding != FramePadding::none,
                     "[SpeechRecognizer] expected a spectrogram with padding, so that frames have times, got none");
}

SpeechRecognizerImpl::SpeechRecognizerImpl(SpeechRecognizerOptions options, Handle<Encoder> encoder)
    : options_((options.validate(), std::move(options))),
      lexicon_(options_.lexicon),
      log_mel_(options_.log_mel),
      encoder_(std::move(encoder)),
      head_(nullptr) {
  check<ConfigError>(static_cast<bool>(encoder_) && encoder_->token_dim() > 0, "[SpeechRecognizer] expected an encoder with tokens, got {}",
                     {encoder_ ? encoder_->record().type : std::string("none")});
  head_ = Linear({.in_dim = encoder_->token_dim(), .out_dim = lexicon_.num_units()});
  register_module("encoder", encoder_.ptr());
  register_module("head", head_);
  lags_ = register_buffer("lags", torch::zeros({lexicon_.num_units()}, torch::kDouble));
}

int64_t SpeechRecognizerImpl::num_steps(int64_t samples) const {
  return std::max<int64_t>(1, log_mel_.num_frames(std::max<int64_t>(1, samples)) / options_.frames_per_step);
}

Tensor SpeechRecognizerImpl::features(const Tensor& waveform) const {
  check_shape(waveform, {-1}, "SpeechRecognizer", "waveform");
  check_floating(waveform, "SpeechRecognizer", "waveform");
  check<ShapeError>(waveform.numel() > 0, "[SpeechRecognizer] expected at least one sample, got {}", {waveform});
  const int64_t steps = num_steps(waveform.numel()), frames = steps * options_.frames_per_step;
  Tensor mel = log_mel_(normalise_rms(waveform, kLoudness));                                            // [frames, F]
  if (mel.size(0) < frames) mel = at::cat({mel, mel.slice(0, -1).expand({frames - mel.size(0), -1})});  // shorter than one step
  mel = mel.slice(0, 0, frames);
  mel = mel - mel.mean(0, /*keepdim=*/true);
  mel = mel / (mel.square().mean().sqrt() + 1e-3);
  return mel.reshape({steps, options_.frames_per_step * options_.log_mel.mel_bins});
}

SpeechRecognizerImpl::Output SpeechRecognizerImpl::forward(const std::vector<Tensor>& features) {
  check<ShapeError>(!features.empty(), "[SpeechRecognizer] expected at least one sample, got none");
  const int64_t width = options_.frames_per_step * options_.log_mel.mel_bins;
  std::vector<int64_t> lengths;
  for (const Tensor& sample : features) {
    check_shape(sample, {-1, width}, "SpeechRecognizer", "features");
    check<ShapeError>(sample.size(0) > 0, "[SpeechRecognizer] expected at least one step, got {}", {sample});
    lengths.push_back(sample.size(0));
  }
  const int64_t steps = std::ranges::max(lengths);
  const Tensor length = torch::tensor(lengths, torch::kLong);                   // [B]
  const Tensor mask = torch::arange(steps).unsqueeze(0) < length.unsqueeze(1);  // [B, T]
  Tensor padded = torch::zeros({std::ssize(features), steps, width}, features[0].options());
  for (size_t b = 0; b < features.size(); ++b) padded[static_cast<int64_t>(b)].slice(0, 0, lengths[b]).copy_(features[b]);
  const at::Device device = head_->parameters().at(0).device();
  const Features encoded = encoder_->forward({.values = padded.to(device), .mask = mask.to(device)});
  check<ModelError>(encoded.tokens.defined() && encoded.tokens.dim() == 3 && encoded.tokens.size(1) == steps,
                    "[SpeechRecognizer] expected a token a step, {}, of the encoder {}, got {}", {steps, encoder_->record().type, encoded.tokens});
  return {.log_probs = head_(encoded.tokens).log_softmax(-1), .lengths = length};
}

Tensor SpeechRecognizerImpl::log_probs(const Audio& audio) {
  check<DataError>(!audio.samples.empty() && audio.channels > 0, "[SpeechRecognizer] expected audio with samples, got none");
  const detail::EvaluationMode evaluation(*this);
  const torch::NoGradGuard no_grad;
  const Audio mono = resample(audio.channels == 1 ? audio : to_mono(audio), sample_rate_hz());
  const Tensor waveform = torch::tensor(mono.samples.empty() ? std::vector<float>{0.0F} : mono.samples);
  return forward({features(waveform)}).log_probs[0].to(torch::kCPU);
}

double SpeechRecognizerImpl::step_seconds() const {
  return static_cast<double>(options_.frames_per_step * options_.log_mel.hop_size) / static_cast<double>(sample_rate_hz());
}

double SpeechRecognizerImpl::first_seconds() const {
  return -0.5 * static_cast<double>(options_.log_mel.hop_size) / static_cast<double>(sample_rate_hz());
}

std::vector<double> SpeechRecognizerImpl::lags() const {
  const Tensor lags = lags_.to(torch::kCPU, torch::kDouble).contiguous();
  return {lags.const_data_ptr<double>(), lags.const_data_ptr<double>() + lags.numel()};
}

void SpeechRecognizerImpl::set_lags(const std::vector<double>& seconds) {
  check<ShapeError>(std::ssize(seconds) == lexicon_.num_units(), "[SpeechRecognizer] expected a lag for each of {} units, got {}",
                    {lexicon_.num_units(), seconds.size()});
  const torch::NoGradGuard no_grad;
  lags_.copy_(torch::tensor(seconds, torch::kDouble));
}

void save_model(const std::filesystem::path& folder, const SpeechRecognizer& model) {
  check<ConfigError>(!model.is_empty(), "[save_model] expected a model, got none");
  register_builtins();
  Config config = Config::object();
  config.set("model_type", std::string(kModelType));
  config.set("format_version", kModelFormatVersion);
  config.set("options", to_config(model->options()));
  config.set("encoder", detail::part_to_config(model->encoder().record(), encoder_registry(), "the encoder", "encoder_registry"));
  detail::write_model_folder(folder, config, *model);
}

SpeechRecognizer load_speech_model(const std::filesystem::path& folder) {
  register_builtins();
  const std::string where = (folder / "config.json").string() + ":";
  const Config config = detail::read_model_config(folder);
  detail::check_header(config, where, kModelType);
  detail::check_members(config, where, {"model_type", "format_version", "options", "encoder"});
  SpeechRecognizer model(from_config<SpeechRecognizerOptions>(config.at("options", where), where + "/options"),
                         detail::encoder_from_config(config, where));
  load_module(folder / "model.safetensors", *model);
  model->eval();
  return model;
}

}  // namespace alloy
