// TensorFlow operation AquanetResample on the CPU: data/resampling.py says what it means, resample.h
// computes. On one thread: the input pipeline works on several triplets at a time.

#include <vector>

#include "resample.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace aquanet {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

REGISTER_OP("AquanetResample")
    .Input("previous: uint8")
    .Input("target: uint8")
    .Input("next: uint8")
    .Input("window: int32")
    .Input("mirror: bool")
    .Input("reverse: bool")
    .Input("gamma: float")
    .Input("gain: float")
    .Output("target_crop: float")
    .Output("reference_crops: float")
    .Attr("height: int >= 1")
    .Attr("width: int >= 1")
    .Attr("channels: int >= 1")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* c) {
      int64_t height, width, channels;
      TF_RETURN_IF_ERROR(c->GetAttr("height", &height));
      TF_RETURN_IF_ERROR(c->GetAttr("width", &width));
      TF_RETURN_IF_ERROR(c->GetAttr("channels", &channels));
      c->set_output(0, c->MakeShape({height, width, channels}));
      c->set_output(1, c->MakeShape({2, height, width, channels}));
      return tensorflow::OkStatus();
    });

class ResampleOp : public OpKernel {
 public:
  explicit ResampleOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("height", &height_));
    OP_REQUIRES_OK(context, context->GetAttr("width", &width_));
    OP_REQUIRES_OK(context, context->GetAttr("channels", &channels_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &window = context->input(3), &gain = context->input(7);
    const TensorShape& shape = context->input(0).shape();
    bool fits = shape.dims() == 3 && shape.dim_size(2) == channels_ && shape.num_elements() > 0 &&
                window.NumElements() == 4 && gain.NumElements() == channels_;
    for (int i = 0; i < 3; ++i) fits = fits && context->input(i).shape() == shape;
    for (int i = 4; i < 7; ++i) fits = fits && context->input(i).NumElements() == 1;
    OP_REQUIRES(context, fits,
                tensorflow::errors::InvalidArgument("AquanetResample: shapes do not fit: frames ",
                                                    shape.DebugString(), ", ",
                                                    context->input(1).shape().DebugString(), ", ",
                                                    context->input(2).shape().DebugString()));
    const auto at = window.flat<int32_t>();  // whole height, whole width, top, left
    const bool inside = at(2) >= 0 && at(3) >= 0 && int64_t{at(2)} + height_ <= at(0) &&
                        int64_t{at(3)} + width_ <= at(1);
    OP_REQUIRES(context, inside,
                tensorflow::errors::InvalidArgument("AquanetResample: a window of ", height_, "x",
                                                    width_, " at (", at(2), ", ", at(3),
                                                    ") is not in ", at(0), "x", at(1)));
    Tensor *target, *references;
    OP_REQUIRES_OK(context, context->allocate_output(0, {height_, width_, channels_}, &target));
    OP_REQUIRES_OK(context,
                   context->allocate_output(1, {2, height_, width_, channels_}, &references));
    const bool mirror = context->input(4).flat<bool>()(0), reverse = context->input(5).flat<bool>()(0);
    Resampling resampling{Axis(shape.dim_size(0), at(0), at(2), height_, false),
                          Axis(shape.dim_size(1), at(1), at(3), width_, mirror), channels_,
                          context->input(6).flat<float>()(0), {}};
    for (int x = 0; x < width_; ++x)
      for (int c = 0; c < channels_; ++c) resampling.gain.push_back(gain.flat<float>()(c));
    float* reference = references->flat<float>().data();
    float* outputs[] = {reference, target->flat<float>().data(), reference + target->NumElements()};
    for (int i = 0; i < 3; ++i)
      resampling.Run(context->input(reverse ? 2 - i : i).flat<uint8_t>().data(), shape.dim_size(1),
                     outputs[i]);
  }

 private:
  int height_, width_, channels_;
};

REGISTER_KERNEL_BUILDER(Name("AquanetResample").Device(tensorflow::DEVICE_CPU), ResampleOp);

}  // namespace
}  // namespace aquanet
