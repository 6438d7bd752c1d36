// Where the inverse-depth levels of one reference pixel are sampled in the target image.
//
// q(d) = a + d b with a = A x / y3, b = s3 a - c (see layers/warp/planes.py), d_n = d_max exp(span
// (((n / N)^beta) - 1)) (Eq. 4). Every array runs over the levels of one pixel, padded to whole
// vectors, and every loop over it is written so that the compiler vectorizes it.

#ifndef AQUANET_TF_NATIVE_LEVELS_H_
#define AQUANET_TF_NATIVE_LEVELS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace aquanet {

constexpr int kVector = 16;           // levels are padded to a multiple of this
constexpr int kMaxLevels = 272;       // 257 levels, padded
constexpr float kMinForward = 1e-3f;  // camera.MIN_FORWARD
constexpr int kPlane = 12;            // numbers that describe the planes of one image

struct Size {
  int height, width;
  int64_t pixels() const { return int64_t{height} * width; }
};

// e^x by the polynomial of Cephes' expf, without branches; below -87 it stays at e^-87, about 2e-38.
inline float Exp(float x) {
  x = std::min(std::max(x, -87.0f), 88.0f);
  const float shifted = x * 1.44269504f + 12582912.0f;  // rounds to an integer
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof(scale));
  return p * scale;
}

#ifdef __clang__
#define AQUANET_SHUFFLE(Lanes, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define AQUANET_SHUFFLE(Lanes, a, b, ...) __builtin_shuffle(a, b, Lanes{__VA_ARGS__})
#endif

typedef float Eight __attribute__((vector_size(32)));
typedef int32_t EightLanes __attribute__((vector_size(32)));

template <typename Vector>
inline Vector Load(const float* p) {
  Vector value;  // p need not be aligned
  std::memcpy(&value, p, sizeof(value));
  return value;
}
template <typename Vector>
inline void Store(float* p, Vector value) {
  std::memcpy(p, &value, sizeof(value));
}

// Reduces the (padded) levels. Written out, since compilers add up the lanes of a reduction one by
// one, which takes as long as all the rest of such a loop.
template <typename Combine>
inline float Reduce(const float* values, int padded, Combine combine) {
  Eight all = Load<Eight>(values);
  for (int n = 8; n < padded; n += 8) all = combine(all, Load<Eight>(values + n));
  all = combine(all, AQUANET_SHUFFLE(EightLanes, all, all, 4, 5, 6, 7, 0, 1, 2, 3));
  all = combine(all, AQUANET_SHUFFLE(EightLanes, all, all, 2, 3, 0, 1, 6, 7, 4, 5));
  all = combine(all, AQUANET_SHUFFLE(EightLanes, all, all, 1, 0, 3, 2, 5, 4, 7, 6));
  return all[0];
}
inline float Sum(const float* values, int padded) {
  return Reduce(values, padded, [](Eight a, Eight b) { return a + b; });
}
inline float Max(const float* values, int padded) {
  return Reduce(values, padded, [](Eight a, Eight b) { return a > b ? a : b; });
}

// What is the same for all pixels.
struct Levels {
  int count, padded;
  float d_max, span;  // span = ln(d_max / d_min)
  float log_fraction[kMaxLevels];

  Levels(int count, float d_min, float d_max)
      : count(count),
        padded((count + kVector - 1) / kVector * kVector),
        d_max(d_max),
        span(std::log(d_max / d_min)) {
    log_fraction[0] = -1e4f;  // (0 / N)^beta is 0 for every beta
    for (int n = 1; n < padded; ++n)
      log_fraction[n] = std::log(std::min(1.0f, static_cast<float>(n) / (count - 1)));
  }
};

// The planes seen by one reference pixel.
struct Ray {
  float u, v, y3;
  float ax, ay, bx, by, s3;
  bool forward;

  // plane: rows [A1 | c1], [A2 | c2], [M3 | s3] of `planes.Planes`.
  Ray(const float* plane, int column, int row) : u(column), v(row), s3(plane[11]) {
    y3 = plane[8] * u + plane[9] * v + plane[10];
    forward = y3 > kMinForward;
    const float inverse = forward ? 1.0f / y3 : 1.0f;
    ax = (plane[0] * u + plane[1] * v + plane[2]) * inverse;
    ay = (plane[4] * u + plane[5] * v + plane[6]) * inverse;
    bx = s3 * ax - plane[3];
    by = s3 * ay - plane[7];
  }
};

// Bilinear samples of all levels of one pixel.
struct Samples {
  alignas(64) float power[kMaxLevels];     // (n / N)^beta
  alignas(64) float d[kMaxLevels];         // inverse depth
  alignas(64) float fx[kMaxLevels];        // weight of the right corners
  alignas(64) float fy[kMaxLevels];        // weight of the lower corners
  alignas(64) float free_x[kMaxLevels];    // 1 where x was not clamped, else 0
  alignas(64) float free_y[kMaxLevels];
  alignas(64) int32_t corner[kMaxLevels];  // pixel index of the top-left corner
  alignas(64) int32_t seen[kMaxLevels];    // 1 where the sample takes part, else 0

  // beta: of the reference pixel's index.
  void Locate(const Levels& levels, const Ray& ray, Size size, float beta) {
    const float right = size.width - 1.0f, bottom = size.height - 1.0f;
    const int last_x = size.width - 2, last_y = size.height - 2, width = size.width;
    const float ax = ray.ax, ay = ray.ay, bx = ray.bx, by = ray.by, s3 = ray.s3;
    const float d_max = levels.d_max, span = levels.span;
    const int forward = ray.forward, count = levels.count;
#pragma omp simd
    for (int n = 0; n < levels.padded; ++n) {
      power[n] = Exp(beta * levels.log_fraction[n]);
      d[n] = d_max * Exp(span * (power[n] - 1.0f));
    }
#pragma omp simd
    for (int n = 0; n < levels.padded; ++n) {
      const float x = ax + d[n] * bx, y = ay + d[n] * by;
      // Bitwise and of comparisons: NaN counts as outside, and nothing branches.
      const int in = (x >= -0.5f) & (x <= right + 0.5f) & (y >= -0.5f) & (y <= bottom + 0.5f);
      // Samples outside read the nearest border, NaN the first pixel: no index leaves the image.
      const float cx = std::min(std::max(0.0f, x), right);
      const float cy = std::min(std::max(0.0f, y), bottom);
      const int x0 = std::min(static_cast<int>(cx), last_x);
      const int y0 = std::min(static_cast<int>(cy), last_y);
      fx[n] = cx - x0;
      fy[n] = cy - y0;
      free_x[n] = (x > 0.0f) & (x < right) ? 1.0f : 0.0f;
      free_y[n] = (y > 0.0f) & (y < bottom) ? 1.0f : 0.0f;
      corner[n] = y0 * width + x0;
      // The padding is never seen.
      seen[n] = in & forward & (n < count) & (1.0f + d[n] * s3 > 0.0f);
    }
  }
};

}  // namespace aquanet

#endif  // AQUANET_TF_NATIVE_LEVELS_H_
