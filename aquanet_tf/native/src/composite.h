// Compositing of one image over its inverse-depth levels, row by row, and its gradient.
//
// A reference pixel's levels fit into the first-level cache, so the softmax over them is taken at
// once; nothing of the size of the volume is written but the gradient of the logits. With weights
// p_n = exp(l_n - lse), cotangent g of the view and sampled color c_n:
//
//   d loss / d l_n = p_n g.(c_n - view),    d loss / d c_n = p_n g

#ifndef AQUANET_TF_NATIVE_COMPOSITE_H_
#define AQUANET_TF_NATIVE_COMPOSITE_H_

#include "levels.h"

namespace aquanet {

constexpr float kMasked = -1e9f;  // levels.MASKED: a logit that never wins a softmax
constexpr int kGroup = 4;         // channels of a source pixel come in groups of this many

typedef float Pair __attribute__((vector_size(8)));
typedef float Group __attribute__((vector_size(16)));
typedef int32_t GroupLanes __attribute__((vector_size(16)));

inline Group Left(Eight v) { return Group{v[0], v[1], v[2], v[3]}; }
inline Group Right(Eight v) { return Group{v[4], v[5], v[6], v[7]}; }

// Distance between the maps of two levels: an odd number of cache lines, so that the levels of one
// pixel do not fall into the same few places of the cache.
inline int64_t LevelStride(int64_t pixels) { return 16 * ((pixels + 15) / 16 | 1); }

// One image of a batch, laid out so that the two corners of a sample in one row are one load:
// level by level, group by group.
struct Target {
  Size size;
  int groups;
  const float* beta;    // [pixels]
  const float* plane;   // [kPlane]
  const float* source;  // [groups, pixels, kGroup]: the image, maps to project, zeros
  // Forward: [levels, LevelStride, 2], logit and softmax; backward: [levels, LevelStride], logit.
  const float* scores;
};

// Logits [pixels, levels] of pixels [begin, end), level by level; with `softmax`, beside their softmax.
inline void Transpose(const Levels& levels, const float* logits, int64_t begin, int64_t end,
                      int64_t pixels, bool softmax, float* scores) {
  const int64_t stride = LevelStride(pixels);
  alignas(64) float row[kMaxLevels], weight[kMaxLevels];
  std::fill_n(row, levels.padded, kMasked);
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    std::copy_n(logits + pixel * levels.count, levels.count, row);
    if (!softmax) {
      for (int n = 0; n < levels.count; ++n) scores[n * stride + pixel] = row[n];
      continue;
    }
    const float top = Max(row, levels.padded);
#pragma omp simd
    for (int n = 0; n < levels.padded; ++n)
      weight[n] = n < levels.count ? Exp(row[n] - top) : 0.0f;
    const float scale = 1.0f / Sum(weight, levels.padded);
    for (int n = 0; n < levels.count; ++n)
      Store(scores + 2 * (n * stride + pixel), Pair{row[n], weight[n] * scale});
  }
}

// One reference row. mix: [groups, width, kGroup]; occlusion and lse: [width].
inline void ForwardRow(const Levels& levels, const Target& target, int row, float* mix,
                       float* occlusion, float* lse) {
  const int width = target.size.width, count = levels.count, padded = levels.padded;
  const int64_t pixels = target.size.pixels(), stride = LevelStride(pixels);
  Samples at;
  alignas(64) float sampled[2 * kMaxLevels], score[kMaxLevels], share[kMaxLevels];
  alignas(64) float weight[kMaxLevels];
  std::fill_n(sampled, 2 * padded, 0.0f);
  for (int column = 0; column < width; ++column) {
    const int64_t pixel = int64_t{row} * width + column;
    at.Locate(levels, Ray(target.plane, column, row), target.size, target.beta[pixel]);
    for (int n = 0; n < count; ++n) {
      const float* p = target.scores + 2 * (n * stride + at.corner[n]);
      const Group upper = Load<Group>(p), lower = Load<Group>(p + 2 * width);
      const Group sides = upper + at.fy[n] * (lower - upper);
      const Group swapped = AQUANET_SHUFFLE(GroupLanes, sides, sides, 2, 3, 0, 1);
      const Group sample = sides + at.fx[n] * (swapped - sides);
      Store(sampled + 2 * n, Pair{sample[0], sample[1]});
    }
#pragma omp simd
    for (int n = 0; n < padded; ++n) {
      score[n] = at.seen[n] ? sampled[2 * n] : kMasked;
      share[n] = at.seen[n] ? sampled[2 * n + 1] : 0.0f;
    }
    const float top = Max(score, padded);
#pragma omp simd
    for (int n = 0; n < padded; ++n) weight[n] = at.seen[n] ? Exp(score[n] - top) : 0.0f;
    const float total = Sum(weight, padded), scale = total > 0.0f ? 1.0f / total : 0.0f;
    for (int group = 0; group < target.groups; ++group) {
      Group sum = {};
      for (int n = 0; n < count; ++n) {
        const float* c = target.source + kGroup * (group * pixels + at.corner[n]);
        const Eight upper = Load<Eight>(c), lower = Load<Eight>(c + kGroup * width);
        const Eight sides = upper + at.fy[n] * (lower - upper);
        sum += weight[n] * (Left(sides) + at.fx[n] * (Right(sides) - Left(sides)));
      }
      Store(mix + kGroup * (group * width + column), sum * scale);
    }
    occlusion[column] = std::min(Sum(share, padded), 1.0f);
    lse[column] = total > 0.0f ? top + std::log(total) : -kMasked;
  }
}

// Where gradients of the target rows [first_row, first_row + rows) are summed up.
struct Sums {
  int first_row;
  int64_t pixels;  // rows * width
  float* logits;   // [levels, LevelStride]
  float* source;   // [groups, pixels, kGroup]; null: not wanted
  float* beta;     // [pixels] of the whole image; written once for each reference pixel
  double* plane;   // [kPlane]
};

// Gradient of one pixel's sample positions q_n = a + d_n b, b = s3 a - c.
struct PositionGradient {
  float ax = 0, ay = 0, cx = 0, cy = 0, s3 = 0;

  // Adds the gradients d_x, d_y of the positions; returns that of the pixel's beta.
  float AddLevels(const Levels& levels, const Ray& ray, const Samples& at, const float* d_x,
                  const float* d_y) {
    const int padded = levels.padded;
    const float* d = at.d;
    alignas(64) float d_beta[kMaxLevels], moved_x[kMaxLevels], moved_y[kMaxLevels];
#pragma omp simd
    for (int n = 0; n < padded; ++n) {
      const float slope = d[n] * levels.span * at.power[n] * levels.log_fraction[n];
      d_beta[n] = (d_x[n] * ray.bx + d_y[n] * ray.by) * slope;
      moved_x[n] = d_x[n] * d[n];
      moved_y[n] = d_y[n] * d[n];
    }
    const float sum_x = Sum(moved_x, padded), sum_y = Sum(moved_y, padded);
    ax += Sum(d_x, padded) + sum_x * ray.s3;
    ay += Sum(d_y, padded) + sum_y * ray.s3;
    cx -= sum_x;
    cy -= sum_y;
    s3 += sum_x * ray.ax + sum_y * ray.ay;
    return Sum(d_beta, padded);
  }

  // a = (A1 x / y3, A2 x / y3): on to the numbers of the plane.
  void AddTo(const Ray& ray, double* plane) const {
    plane[3] += cx;
    plane[7] += cy;
    plane[11] += s3;
    if (!ray.forward) return;
    const float x[3] = {ray.u, ray.v, 1.0f}, dx = ax / ray.y3, dy = ay / ray.y3;
    const float d3 = -(dx * ray.ax + dy * ray.ay);
    for (int i = 0; i < 3; ++i) {
      plane[i] += dx * x[i];
      plane[4 + i] += dy * x[i];
      plane[8 + i] += d3 * x[i];
    }
  }
};

// d loss / d c_n = p_n g, onto the four corners of every level. g: [groups, kGroup].
inline void AddSource(const Target& target, const Samples& at, int count, const float* weight,
                      const float* g, Sums* sums) {
  const int width = target.size.width;
  const int64_t first = int64_t{sums->first_row} * width;
  for (int n = 0; n < count; ++n) {
    if (!at.seen[n]) continue;
    const float fx = at.fx[n], lower = weight[n] * at.fy[n], upper = weight[n] - lower;
    for (int group = 0; group < target.groups; ++group) {
      float* out = sums->source + kGroup * (group * sums->pixels + at.corner[n] - first);
      const Group value = Load<Group>(g + kGroup * group);
      const auto add = [&](float* p, float share) { Store(p, Load<Group>(p) + share * value); };
      add(out, upper - upper * fx);
      add(out + kGroup, upper * fx);
      add(out + kGroup * width, lower - lower * fx);
      add(out + kGroup * (width + 1), lower * fx);
    }
  }
}

// One reference row. view and d_view: [width, groups, kGroup], zero beyond the image's channels;
// lse: [width].
inline void BackwardRow(const Levels& levels, const Target& target, int row, const float* view,
                        const float* d_view, const float* lse, Sums* sums) {
  const int width = target.size.width, count = levels.count, padded = levels.padded;
  const int channels = target.groups * kGroup;
  const int64_t pixels = target.size.pixels(), first = int64_t{sums->first_row} * width;
  const int64_t stride = LevelStride(pixels), sums_stride = LevelStride(sums->pixels);
  Samples at;
  // Four numbers a level, of its corners: upper left, upper right, lower left, lower right.
  alignas(64) float logit[4 * kMaxLevels], d_logit[4 * kMaxLevels];
  alignas(64) float color[4 * kMaxLevels];  // g.c, here in the order 0, 2, 1, 3
  alignas(64) float weight[kMaxLevels], d_x[kMaxLevels], d_y[kMaxLevels];
  std::fill_n(logit, 4 * padded, 0.0f);
  std::fill_n(color, 4 * padded, 0.0f);
  for (int column = 0; column < width; ++column) {
    const int64_t pixel = int64_t{row} * width + column;
    const Ray ray(target.plane, column, row);
    at.Locate(levels, ray, target.size, target.beta[pixel]);
    const float* g = d_view + column * channels;
    float g_view = 0.0f;
    for (int i = 0; i < channels; ++i) g_view += g[i] * view[column * channels + i];
    for (int n = 0; n < count; ++n) {
      const float* l = target.scores + n * stride + at.corner[n];
      Store(logit + 4 * n, Load<Pair>(l));
      Store(logit + 4 * n + 2, Load<Pair>(l + width));
      Eight upper = {}, lower = {};
      for (int group = 0; group < target.groups; ++group) {
        const float* c = target.source + kGroup * (group * pixels + at.corner[n]);
        const float* h = g + kGroup * group;
        const Eight both = {h[0], h[1], h[2], h[3], h[0], h[1], h[2], h[3]};
        upper += both * Load<Eight>(c);
        lower += both * Load<Eight>(c + kGroup * width);
      }
      // Sums over the channels by transposing: cheaper than one corner after the other.
      const Eight part = AQUANET_SHUFFLE(EightLanes, upper, lower, 0, 8, 1, 9, 4, 12, 5, 13) +
                         AQUANET_SHUFFLE(EightLanes, upper, lower, 2, 10, 3, 11, 6, 14, 7, 15);
      const Eight all = part + AQUANET_SHUFFLE(EightLanes, part, part, 2, 3, 0, 1, 6, 7, 4, 5);
      Store(color + 4 * n, Pair{all[0], all[1]});
      Store(color + 4 * n + 2, Pair{all[4], all[5]});
    }
    const float log_sum = lse[column];
#pragma omp simd
    for (int n = 0; n < padded; ++n) {
      const float fx = at.fx[n], fy = at.fy[n];
      const float *l = logit + 4 * n, *c = color + 4 * n;
      const float l_top = l[1] - l[0], l_left = l[2] - l[0], l_twist = l[3] - l[2] - l_top;
      const float l_x = l_top + fy * l_twist, l_y = l_left + fx * l_twist;
      const float c_top = c[2] - c[0], c_left = c[1] - c[0], c_twist = c[3] - c[1] - c_top;
      const float c_x = c_top + fy * c_twist, c_y = c_left + fx * c_twist;
      const float score = l[0] + fx * l_top + fy * l_y;
      weight[n] = at.seen[n] ? Exp(score - log_sum) : 0.0f;
      const float d_score = weight[n] * (c[0] + fx * c_top + fy * c_y - g_view);
      d_x[n] = (d_score * l_x + weight[n] * c_x) * at.free_x[n];
      d_y[n] = (d_score * l_y + weight[n] * c_y) * at.free_y[n];
      const float lower = d_score * fy, upper = d_score - lower;
      d_logit[4 * n] = upper - upper * fx;
      d_logit[4 * n + 1] = upper * fx;
      d_logit[4 * n + 2] = lower - lower * fx;
      d_logit[4 * n + 3] = lower * fx;
    }
    for (int n = 0; n < count; ++n) {
      if (!at.seen[n]) continue;  // it may lie in rows the sums do not cover
      float* out = sums->logits + n * sums_stride + at.corner[n] - first;
      Store(out, Load<Pair>(out) + Load<Pair>(d_logit + 4 * n));
      Store(out + width, Load<Pair>(out + width) + Load<Pair>(d_logit + 4 * n + 2));
    }
    if (sums->source != nullptr) AddSource(target, at, count, weight, g, sums);
    PositionGradient gradient;
    sums->beta[pixel] = gradient.AddLevels(levels, ray, at, d_x, d_y);
    gradient.AddTo(ray, sums->plane);
  }
}

}  // namespace aquanet

#endif  // AQUANET_TF_NATIVE_COMPOSITE_H_
