// The gradient of one image in bands of reference rows that can be computed side by side.
//
// Gradients scatter into target rows, which bands share. Each band sums into buffers of its own that
// cover only the target rows it reaches; afterwards every target row adds the bands up in their
// order. Nothing races, and the result depends on the number of bands alone.

#ifndef AQUANET_TF_NATIVE_BANDS_H_
#define AQUANET_TF_NATIVE_BANDS_H_

#include <vector>

#include "composite.h"
#include "scratch.h"

namespace aquanet {

// What the gradient of one image reads beside its `Target`.
struct Cotangent {
  int channels;
  const float *view, *d_view;  // [pixels, channels]
  const float* lse;            // [pixels]
};

// Where the sum of the bands is put. image: [pixels, channels], logits: [pixels, levels].
struct Gradient {
  float *image, *logits;
};

// Sums over the reference rows [begin, end), for the target rows [first, last).
struct Band {
  int begin, end, first, last;
  Scratch logits, source;  // as in `Sums`
  double plane[kPlane] = {};

  Band(int begin, int end) : begin(begin), end(end), first(begin), last(end) {}

  // Finds the target rows: y is affine in d, so the ends of the range bound it, with a margin for
  // rounding. Its own rows count too, so that every target row has a band.
  void Reach(const Levels& levels, const Target& target) {
    const float d_min = levels.d_max * Exp(-levels.span);
    float low = begin, high = end - 1;
    for (int row = begin; row < end; ++row)
      for (int column = 0; column < target.size.width; ++column) {
        const Ray ray(target.plane, column, row);
        const float far = ray.ay + d_min * ray.by, near = ray.ay + levels.d_max * ray.by;
        low = std::min(low, std::min(far, near));
        high = std::max(high, std::max(far, near));
      }
    first = std::max(low - 2.0f, 0.0f);
    last = std::min<float>(high + 3.0f, target.size.height);
  }

  // d_beta: [pixels] of the whole image; a band writes its own rows.
  void Run(const Levels& levels, const Target& target, const Cotangent& in, bool image_gradient,
           float* d_beta) {
    const int width = target.size.width, channels = target.groups * kGroup;
    Reach(levels, target);
    const int64_t pixels = int64_t{last - first} * width;
    logits = Scratch(LevelStride(pixels) * levels.count);
    if (image_gradient) source = Scratch(pixels * channels);
    Sums sums{first,       pixels, logits.data(), image_gradient ? source.data() : nullptr,
              d_beta, plane};
    std::vector<float> view(width * channels), d_view(width * channels);
    for (int row = begin; row < end; ++row) {
      const int64_t from = int64_t{row} * width;
      for (int p = 0; p < width; ++p)
        for (int c = 0; c < in.channels; ++c) {
          view[p * channels + c] = in.view[(from + p) * in.channels + c];
          d_view[p * channels + c] = in.d_view[(from + p) * in.channels + c];
        }
      BackwardRow(levels, target, row, view.data(), d_view.data(), in.lse + from, &sums);
    }
  }
};

// One target row of the gradient: the sum of the bands that reach it, its own among them.
inline void AddBands(const Levels& levels, const Band* bands, int64_t count, int row, int width,
                     int channels, const Gradient& out) {
  const int64_t to = int64_t{row} * width;
  std::fill_n(out.image + to * channels, int64_t{width} * channels, 0.0f);
  bool first = true;
  for (const Band* band = bands; band < bands + count; ++band) {
    if (row < band->first || row >= band->last) continue;
    const int64_t pixels = int64_t{band->last - band->first} * width;
    const int64_t from = int64_t{row - band->first} * width, stride = LevelStride(pixels);
    const float* sums = band->logits.data() + from;
    for (int p = 0; p < width; ++p) {
      float* logits = out.logits + (to + p) * levels.count;
      for (int n = 0; n < levels.count; ++n)
        logits[n] = (first ? 0.0f : logits[n]) + sums[n * stride + p];
    }
    first = false;
    if (band->source.data() == nullptr) continue;
    for (int p = 0; p < width; ++p)
      for (int c = 0; c < channels; ++c) {
        const int64_t at = kGroup * ((c / kGroup) * pixels + from + p) + c % kGroup;
        out.image[(to + p) * channels + c] += band->source.data()[at];
      }
  }
}

}  // namespace aquanet

#endif  // AQUANET_TF_NATIVE_BANDS_H_
