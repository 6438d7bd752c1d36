// Crop of an antialiased resize, and photometry, of one frame of bytes, row by row: a row of the
// result is a weighted sum of source rows, whose columns are then summed the same way. Between the
// two a row stays in the cache; nothing of the size of an image is written but the result.

#ifndef AQUANET_TF_NATIVE_RESAMPLE_H_
#define AQUANET_TF_NATIVE_RESAMPLE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "levels.h"

namespace aquanet {

// One axis of the crop: `length` sums of `taps` source pixels each, the same number for all.
struct Axis {
  int length, taps;
  std::vector<int> start;      // [length] first source pixel
  std::vector<float> weights;  // [length, taps], sum 1 over the taps

  // The source has `size` pixels and is resized to `whole`, of which the pixels from `from` on are
  // wanted; `mirror` reverses the source. Triangle kernel of at least one source pixel's reach and
  // half-pixel centers, as in tf.image.resize(antialias=True); from whole numbers in double.
  Axis(int64_t size, int64_t whole, int64_t from, int length, bool mirror) : length(length) {
    const double step = static_cast<double>(size) / whole, reach = std::max(step, 1.0);
    taps = static_cast<int>(std::min<int64_t>(size, static_cast<int64_t>(std::ceil(2 * reach))));
    start.resize(length);
    weights.assign(int64_t{length} * taps, 0.0f);
    std::vector<double> values(taps);
    for (int i = 0; i < length; ++i) {
      const double center = (2 * (from + i) + 1) * size / (2.0 * whole) - 0.5;
      // The first pixel less than `reach` before the center: at most `taps` pixels are that near.
      const int64_t lowest = static_cast<int64_t>(std::floor(center - reach)) + 1;
      const int64_t first = std::min(std::max<int64_t>(lowest, 0), size - taps);
      double sum = 0;
      for (int k = 0; k < taps; ++k) {
        values[k] = std::max(0.0, 1.0 - std::abs(first + k - center) / reach);
        sum += values[k];
      }
      start[i] = static_cast<int>(mirror ? size - first - taps : first);
      for (int k = 0; k < taps; ++k)
        weights[int64_t{i} * taps + (mirror ? taps - 1 - k : k)] =
            static_cast<float>(values[k] / sum);
    }
  }

  int begin() const { return *std::min_element(start.begin(), start.end()); }
  int end() const { return *std::max_element(start.begin(), start.end()) + taps; }
};

// Natural logarithm of a positive normal number by the polynomial of Cephes' logf, no branches.
inline float Log(float x) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  // Mantissa in [sqrt 1/2, sqrt 2).
  const int32_t exponent = (bits - 0x3f3504f3) >> 23;
  const int32_t mantissa = bits - exponent * (1 << 23);
  float m;
  std::memcpy(&m, &mantissa, sizeof(m));
  m -= 1.0f;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float e = static_cast<float>(exponent), z = m * m;
  return (m * z * p - 2.12194440e-4f * e - 0.5f * z + m) + 0.693359375f * e;
}

// out[i] = sum over k of weights[k] rows[k stride + i].
template <int Taps>
inline void SumRows(const uint8_t* rows, int64_t stride, const float* weights, int64_t count,
                    float* out) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    float sum = 0.0f;
    for (int k = 0; k < Taps; ++k) sum += weights[k] * static_cast<float>(rows[k * stride + i]);
    out[i] = sum;
  }
}

inline void SumRows(const uint8_t* rows, int64_t stride, const float* weights, int taps,
                    int64_t count, float* out) {
  switch (taps) {
    case 1: return SumRows<1>(rows, stride, weights, count, out);
    case 2: return SumRows<2>(rows, stride, weights, count, out);
    case 3: return SumRows<3>(rows, stride, weights, count, out);
    case 4: return SumRows<4>(rows, stride, weights, count, out);
  }
  SumRows<4>(rows, stride, weights, count, out);
  for (int k = 4; k < taps; ++k) {
    const uint8_t* row = rows + k * stride;
    const float weight = weights[k];
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) out[i] += weight * static_cast<float>(row[i]);
  }
}

typedef float FourFloats __attribute__((vector_size(16)));

// Sums along a row that begins at source pixel `origin`, for three channels: four numbers at a time,
// of which the last is the next pixel's. `row` and `out` have room for one number more.
template <int Taps>
inline void SumColumns3(const Axis& axis, int taps, int origin, const float* row, float* out) {
  const float* weight = axis.weights.data();
  const int count = Taps ? Taps : taps;
  for (int x = 0; x < axis.length; ++x, weight += count, out += 3) {
    const float* from = row + 3 * (axis.start[x] - origin);
    FourFloats sum = weight[0] * Load<FourFloats>(from);
    for (int k = 1; k < count; ++k) sum += weight[k] * Load<FourFloats>(from + 3 * k);
    std::memcpy(out, &sum, sizeof(sum));
  }
}

inline void SumColumns(const Axis& axis, int origin, int channels, const float* row, float* out) {
  if (channels == 3) {
    switch (axis.taps) {
      case 2: return SumColumns3<2>(axis, 2, origin, row, out);
      case 3: return SumColumns3<3>(axis, 3, origin, row, out);
      case 4: return SumColumns3<4>(axis, 4, origin, row, out);
      default: return SumColumns3<0>(axis, axis.taps, origin, row, out);
    }
  }
  const float* weight = axis.weights.data();
  for (int x = 0; x < axis.length; ++x, weight += axis.taps)
    for (int c = 0; c < channels; ++c, ++out) {
      const float* from = row + channels * (axis.start[x] - origin) + c;
      float sum = 0.0f;
      for (int k = 0; k < axis.taps; ++k) sum += weight[k] * from[k * channels];
      *out = sum;
    }
}

// Two axes and a photometry, for any number of frames [rows.., columns, channels] of bytes.
struct Resampling {
  Axis y, x;
  int channels;
  float gamma;
  std::vector<float> gain;  // [x.length, channels]

  // out [y.length, x.length, channels] = min((resized / 255) ** gamma * gain, 1).
  void Run(const uint8_t* frame, int64_t width, float* out) const {
    const int begin = x.begin();
    const int64_t count = int64_t{channels} * (x.end() - begin), stride = width * channels;
    const int64_t line = int64_t{channels} * x.length;
    std::vector<float> row(count + 4), sums(line + 4);
    for (int i = 0; i < y.length; ++i, out += line) {
      SumRows(frame + y.start[i] * stride + begin * channels, stride,
              y.weights.data() + int64_t{i} * y.taps, y.taps, count, row.data());
      SumColumns(x, begin, channels, row.data(), sums.data());
      const float *value = sums.data(), *scale = gain.data();
      if (gamma == 1.0f) {
#pragma omp simd
        for (int64_t j = 0; j < line; ++j)
          out[j] = std::min(value[j] * (1.0f / 255.0f) * scale[j], 1.0f);
      } else {
        const float power = gamma;
#pragma omp simd
        for (int64_t j = 0; j < line; ++j) {
          // Black stays black: below 1e-12 the power is not worth a number.
          const float v = std::max(value[j] * (1.0f / 255.0f), 1e-12f);
          const float curved = v > 1e-12f ? Exp(power * Log(v)) : 0.0f;
          out[j] = std::min(curved * scale[j], 1.0f);
        }
      }
    }
  }
};

}  // namespace aquanet

#endif  // AQUANET_TF_NATIVE_RESAMPLE_H_
