// TensorFlow operations AquanetWarp and AquanetWarpGrad on the CPU: layers/warp/native.py says what
// they mean, levels.h, composite.h and bands.h compute. The number of pieces of work depends on
// shapes and on the size of the thread pool alone, so the result depends on nothing else either.

#include <numeric>
#include <vector>

#include "bands.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/util/work_sharder.h"

namespace aquanet {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

constexpr int kMaxBands = 8;  // of one image: bounds the memory of the gradient's buffers

#define AQUANET_WARP_ATTRIBUTES \
  Attr("inverse_depth_min: float").Attr("inverse_depth_max: float")

REGISTER_OP("AquanetWarp")
    .Input("image: float")
    .Input("masks: float")
    .Input("logits: float")
    .Input("beta: float")
    .Input("plane: float")
    .Output("view: float")
    .Output("projected: float")
    .Output("occlusion: float")
    .Output("lse: float")
    .AQUANET_WARP_ATTRIBUTES
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      c->set_output(0, c->input(0));
      c->set_output(1, c->input(1));
      c->set_output(2, c->input(3));
      c->set_output(3, c->input(3));
      return tensorflow::OkStatus();
    });

REGISTER_OP("AquanetWarpGrad")
    .Input("image: float")
    .Input("logits: float")
    .Input("beta: float")
    .Input("plane: float")
    .Input("view: float")
    .Input("lse: float")
    .Input("d_view: float")
    .Output("d_image: float")
    .Output("d_logits: float")
    .Output("d_beta: float")
    .Output("d_plane: float")
    .AQUANET_WARP_ATTRIBUTES
    .Attr("image_gradient: bool")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      for (int i = 0; i < 4; ++i) c->set_output(i, c->input(i));
      return tensorflow::OkStatus();
    });

// Runs task(0 .. tasks) on the threads TensorFlow gives to the kernels of this device.
template <typename Task>
void Parallel(OpKernelContext* context, int64_t tasks, int64_t cost, Task task) {
  const auto& pool = *context->device()->tensorflow_cpu_worker_threads();
  tensorflow::Shard(pool.num_threads, pool.workers, tasks, cost, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) task(i);
  });
}

// Copies pixels [begin, end) of maps [pixels, channels] into channels [offset, offset + channels) of
// [groups, all, kGroup].
void Pack(const float* from, int64_t begin, int64_t end, int channels, int offset, int64_t all,
          float* to) {
  for (int64_t p = begin; p < end; ++p)
    for (int c = 0; c < channels; ++c) {
      const int at = offset + c;
      to[kGroup * (at / kGroup * all + p) + at % kGroup] = from[p * channels + c];
    }
}

// The way back, for all pixels.
void Unpack(const float* from, int64_t pixels, int channels, int offset, float* to) {
  for (int64_t p = 0; p < pixels; ++p)
    for (int c = 0; c < channels; ++c) {
      const int at = offset + c;
      to[p * channels + c] = from[kGroup * (at / kGroup * pixels + p) + at % kGroup];
    }
}

// Attributes, shapes and their checks, common to both kernels.
class WarpKernel : public OpKernel {
 public:
  explicit WarpKernel(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("inverse_depth_min", &d_min_));
    OP_REQUIRES_OK(construction, construction->GetAttr("inverse_depth_max", &d_max_));
  }

 protected:
  struct Problem {
    int64_t batch;
    Size size;
    int channels, masks, groups;
    Levels levels;
  };

  static bool Fits(const Tensor& tensor, const Tensor& like) {
    return tensor.dims() == 4 && tensor.dim_size(0) == like.dim_size(0) &&
           tensor.dim_size(1) == like.dim_size(1) && tensor.dim_size(2) == like.dim_size(2);
  }

  tensorflow::Status Check(const Tensor& image, const Tensor& logits, const Tensor& beta,
                           const Tensor& plane) const {
    if (logits.dims() != 4 || !Fits(image, logits) || !Fits(beta, logits) || beta.dim_size(3) != 1)
      return tensorflow::errors::InvalidArgument(
          "image [B,H,W,C], logits [B,H,W,N] and beta [B,H,W,1] do not fit: ",
          image.shape().DebugString(), ", ", logits.shape().DebugString(), ", ",
          beta.shape().DebugString());
    if (plane.shape() != TensorShape({logits.dim_size(0), 3, 4}))
      return tensorflow::errors::InvalidArgument("plane must be [B,3,4], is ",
                                                 plane.shape().DebugString());
    if (logits.dim_size(1) < 2 || logits.dim_size(2) < 2 || logits.dim_size(3) < 2 ||
        logits.dim_size(3) > kMaxLevels - kVector + 1)
      return tensorflow::errors::InvalidArgument(
          "logits must have 2 x 2 pixels or more and 2 to 257 levels, are ",
          logits.shape().DebugString());
    return tensorflow::OkStatus();
  }

  Problem Describe(const Tensor& image, int64_t masks, const Tensor& logits) const {
    const int channels = image.dim_size(3);
    return {logits.dim_size(0),
            {static_cast<int>(logits.dim_size(1)), static_cast<int>(logits.dim_size(2))},
            channels,
            static_cast<int>(masks),
            static_cast<int>((channels + masks + kGroup - 1) / kGroup),
            Levels(logits.dim_size(3), d_min_, d_max_)};
  }

 private:
  float d_min_, d_max_;
};

class WarpOp : public WarpKernel {
 public:
  using WarpKernel::WarpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor &image = context->input(0), &masks = context->input(1);
    const Tensor &logits = context->input(2), &beta = context->input(3);
    const Tensor& plane = context->input(4);
    OP_REQUIRES_OK(context, Check(image, logits, beta, plane));
    OP_REQUIRES(context, Fits(masks, logits),
                tensorflow::errors::InvalidArgument("masks do not fit the logits: ",
                                                    masks.shape().DebugString()));
    const Problem problem = Describe(image, masks.dim_size(3), logits);
    Tensor *view, *projected, *occlusion, *lse;
    OP_REQUIRES_OK(context, context->allocate_output(0, image.shape(), &view));
    OP_REQUIRES_OK(context, context->allocate_output(1, masks.shape(), &projected));
    OP_REQUIRES_OK(context, context->allocate_output(2, beta.shape(), &occlusion));
    OP_REQUIRES_OK(context, context->allocate_output(3, beta.shape(), &lse));

    // One image at a time, so that its maps exist once, not for the whole batch.
    const int64_t pixels = problem.size.pixels(), width = problem.size.width;
    const int channels = problem.channels, maps = problem.masks;
    Scratch scores(2 * LevelStride(pixels) * problem.levels.count);
    Scratch source(pixels * problem.groups * kGroup);
    for (int64_t b = 0; b < problem.batch; ++b) {
      const float* image_b = image.flat<float>().data() + b * pixels * channels;
      const float* masks_b = masks.flat<float>().data() + b * pixels * maps;
      const float* logits_b = logits.flat<float>().data() + b * pixels * problem.levels.count;
      float* view_b = view->flat<float>().data() + b * pixels * channels;
      float* projected_b = projected->flat<float>().data() + b * pixels * maps;
      const int64_t cost = width * problem.levels.count * 10;
      Parallel(context, problem.size.height, cost, [&](int64_t row) {
        const int64_t from = row * width, to = from + width;
        Transpose(problem.levels, logits_b, from, to, pixels, true, scores.data());
        Pack(image_b, from, to, channels, 0, pixels, source.data());
        Pack(masks_b, from, to, maps, channels, pixels, source.data());
      });
      const Target target{problem.size, problem.groups, beta.flat<float>().data() + b * pixels,
                          plane.flat<float>().data() + b * kPlane, source.data(), scores.data()};
      Parallel(context, problem.size.height, 5 * cost, [&](int64_t row) {
        const int64_t from = row * width, at = b * pixels + from;
        std::vector<float> mix(width * problem.groups * kGroup);
        ForwardRow(problem.levels, target, row, mix.data(),
                   occlusion->flat<float>().data() + at, lse->flat<float>().data() + at);
        Unpack(mix.data(), width, channels, 0, view_b + from * channels);
        Unpack(mix.data(), width, maps, channels, projected_b + from * maps);
      });
    }
  }
};

class WarpGradOp : public WarpKernel {
 public:
  explicit WarpGradOp(OpKernelConstruction* construction) : WarpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("image_gradient", &image_gradient_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &image = context->input(0), &logits = context->input(1);
    const Tensor &beta = context->input(2), &plane = context->input(3);
    const Tensor &view = context->input(4), &lse = context->input(5), &d_view = context->input(6);
    OP_REQUIRES_OK(context, Check(image, logits, beta, plane));
    OP_REQUIRES(context,
                view.shape() == image.shape() && d_view.shape() == image.shape() &&
                    lse.shape() == beta.shape(),
                tensorflow::errors::InvalidArgument("view, d_view or lse do not fit the image"));
    const Problem problem = Describe(image, 0, logits);
    Tensor *d_image, *d_logits, *d_beta, *d_plane;
    OP_REQUIRES_OK(context, context->allocate_output(0, image.shape(), &d_image));
    OP_REQUIRES_OK(context, context->allocate_output(1, logits.shape(), &d_logits));
    OP_REQUIRES_OK(context, context->allocate_output(2, beta.shape(), &d_beta));
    OP_REQUIRES_OK(context, context->allocate_output(3, plane.shape(), &d_plane));
    AdviseHugePages(d_logits->flat<float>().data(), d_logits->TotalBytes());
    // Enough bands that the threads get equal shares: one an image where the batch does that.
    const int64_t batch = problem.batch, height = problem.size.height;
    const int64_t threads = context->device()->tensorflow_cpu_worker_threads()->num_threads;
    const int64_t wanted = threads / std::gcd(threads, std::max<int64_t>(1, batch));
    const int64_t bands = std::min<int64_t>({wanted, kMaxBands, height});
    const int64_t pixels = problem.size.pixels(), width = problem.size.width;
    const int channels = problem.channels, count = problem.levels.count;
    const int64_t cost = pixels * count;

    std::vector<Scratch> scores(batch), sources(batch);
    Parallel(context, batch * 2, 10 * cost, [&](int64_t i) {
      const int64_t b = i / 2;
      if (i % 2) {
        scores[b] = Scratch(LevelStride(pixels) * count);
        const float* from = logits.flat<float>().data() + b * pixels * count;
        Transpose(problem.levels, from, 0, pixels, pixels, false, scores[b].data());
      } else {
        sources[b] = Scratch(pixels * problem.groups * kGroup);
        const float* from = image.flat<float>().data() + b * pixels * channels;
        Pack(from, 0, pixels, channels, 0, pixels, sources[b].data());
      }
    });
    std::vector<Band> parts;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t band = 0; band < bands; ++band)
        parts.emplace_back(band * height / bands, (band + 1) * height / bands);
    Parallel(context, parts.size(), cost / bands * 100, [&](int64_t i) {
      const int64_t b = i / bands, at = b * pixels;
      const Target target{problem.size, problem.groups, beta.flat<float>().data() + at,
                          plane.flat<float>().data() + b * kPlane, sources[b].data(),
                          scores[b].data()};
      const Cotangent cotangent{channels, view.flat<float>().data() + at * channels,
                                d_view.flat<float>().data() + at * channels,
                                lse.flat<float>().data() + at};
      parts[i].Run(problem.levels, target, cotangent, image_gradient_,
                   d_beta->flat<float>().data() + at);
    });
    Parallel(context, batch * height, cost / height * 10, [&](int64_t i) {
      const int64_t b = i / height, at = b * pixels;
      AddBands(problem.levels, &parts[b * bands], bands, i % height, width, channels,
               {d_image->flat<float>().data() + at * channels,
                d_logits->flat<float>().data() + at * count});
    });
    for (int64_t b = 0; b < batch; ++b)
      for (int k = 0; k < kPlane; ++k) {
        double sum = 0;
        for (int64_t band = 0; band < bands; ++band) sum += parts[b * bands + band].plane[k];
        d_plane->flat<float>()(b * kPlane + k) = sum;
      }
  }

 private:
  bool image_gradient_;
};

REGISTER_KERNEL_BUILDER(Name("AquanetWarp").Device(tensorflow::DEVICE_CPU), WarpOp);
REGISTER_KERNEL_BUILDER(Name("AquanetWarpGrad").Device(tensorflow::DEVICE_CPU), WarpGradOp);

}  // namespace
}  // namespace aquanet
