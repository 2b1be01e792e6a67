// SPDX-License-Identifier: Apache-2.0
#include <alloy/encoders.hpp>

#include <alloy/core/registry.hpp>

namespace alloy {

void register_encoders() {
  auto& registry = encoder_registry();
  registry.add<ConvAudioEncoderImpl>();
  registry.add<ConvImageEncoderImpl>();
  registry.add<DilatedConvEncoderImpl>();
  registry.add<FeatureEncoderImpl>();
  registry.add<GruEncoderImpl>();
  registry.add<HashedTextEncoderImpl>();
  registry.add<LeNetEncoderImpl>();
  registry.add<ResidualImageEncoderImpl>();
  registry.add<SeriesTransformerImpl>();
  registry.add<SpectrogramEncoderImpl>();
  registry.add<SpectrogramTransformerImpl>();
  registry.add<TableEncoderImpl>();
  registry.add<TextEncoderImpl>();
  registry.add<VitEncoderImpl>();
}

}  // namespace alloy
