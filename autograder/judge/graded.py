"""What the judge knows about one graded cell beyond the exercise itself."""

from dataclasses import dataclass, field

from helpers.checks.exercise import Exercise


@dataclass(frozen=True)
class Withhold:
    """What must not do the work while an exercise is graded.

    operators: names in `namespace::name` form, overridden with all their overloads for the whole
    process so that they raise, whoever calls them; functions: dotted names of Python functions
    that are the answer; modules: libraries whose functions are the answer; autograd: also withhold
    differentiation.

    These are deterrents inside an untrusted process. What is sound is that only right numbers
    score; what they add is that the usual ways to have them computed by somebody else fail.
    """

    operators: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    autograd: bool = False

    def __or__(self, other: "Withhold") -> "Withhold":
        return Withhold(
            self.operators + other.operators,
            self.functions + other.functions,
            self.modules + other.modules,
            self.autograd or other.autograd,
        )


@dataclass(frozen=True)
class Graded:
    """One graded cell: its hidden cases and mistakes (in `exercise`) and how it is asked.

    kind: "function" to call it with each case's arguments, "module" to build and run an
    `nn.Module` as :func:`helpers.checks.modules.describe_module` does, "value" to read a variable;
    needs: earlier exercises the answer may call, each with the source of a right stand-in, so
    that a consequential error costs only once.
    """

    exercise: Exercise
    withhold: Withhold = Withhold()
    kind: str = "function"
    needs: dict[str, str] = field(default_factory=dict)


CONVOLUTION = Withhold(
    operators=tuple(
        f"aten::{name}"
        for name in (
            "convolution", "convolution_overrideable", "_convolution", "conv2d", "conv2d.padding",
            "mkldnn_convolution", "thnn_conv2d", "_slow_conv2d_forward", "_conv_depthwise2d",
            "slow_conv_dilated2d", "slow_conv_transpose2d", "slow_conv3d", "slow_conv3d_forward",
            "slow_conv_dilated3d", "slow_conv_transpose3d", "conv_depthwise3d", "conv_tbc",
            "_nnpack_spatial_convolution", "convolution_backward",
            "_slow_conv2d_backward.grad_input", "_slow_conv2d_backward.output_mask",
            "convolution_backward_overrideable",
            "_convolution_double_backward", "conv_tbc_backward",
        )
    )
    + (
        "mkldnn::_convolution_pointwise", "mkldnn::_convolution_transpose_pointwise",
        "mkldnn_prepacked::conv2d_prepack", "prepacked::conv2d_clamp_prepack",
        "quantized::conv2d", "quantized::conv2d_dynamic", "torchvision::deform_conv2d",
        "torchvision::_deform_conv2d_backward",
    ),
    functions=("helpers.convolution.conv2d", "helpers.convolution.conv2d_backward"),
    modules=("scipy.signal", "scipy.ndimage", "torchvision.ops", "torchvision.extension"),
)  # fmt: skip

POOLING = Withhold(
    operators=tuple(
        f"aten::{name}"
        for name in (
            "max_pool1d", "max_pool2d", "max_pool3d", "max_pool1d_with_indices",
            "max_pool2d_with_indices", "max_pool3d_with_indices", "max_pool2d_backward",
            "max_pool2d_with_indices_backward", "max_pool3d_with_indices_backward",
            "mkldnn_max_pool2d", "mkldnn_max_pool3d", "mkldnn_max_pool2d_backward",
            "mkldnn_max_pool3d_backward", "quantized_max_pool1d", "quantized_max_pool2d",
            "quantized_max_pool3d", "max_unpool2d", "max_unpool3d", "fractional_max_pool2d",
            "fractional_max_pool3d", "fractional_max_pool2d_backward",
            "fractional_max_pool3d_backward", "adaptive_max_pool1d", "adaptive_max_pool2d",
            "adaptive_max_pool3d", "adaptive_max_pool2d_backward", "adaptive_max_pool3d_backward",
            "avg_pool1d", "avg_pool2d", "avg_pool3d", "avg_pool2d_backward", "avg_pool3d_backward",
            "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
            "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "_adaptive_avg_pool2d_backward",
            "_adaptive_avg_pool3d_backward", "adaptive_avg_pool3d_backward",
            "mkldnn_adaptive_avg_pool2d", "mkldnn_adaptive_avg_pool2d_backward",
        )
    )
    + ("quantized::max_pool1d", "quantized::max_pool2d"),
    functions=(
        "helpers.pooling.max_pool2d", "helpers.pooling.max_pool2d_backward",
        "helpers.pooling.avg_pool2d", "helpers.pooling.avg_pool2d_backward",
        "helpers.pooling.global_avg_pool2d", "helpers.pooling.lenet_subsample",
        "helpers.pooling.lenet_subsample_backward",
    ),
    modules=("scipy.ndimage", "skimage.measure"),
)  # fmt: skip

NORMALIZATION = Withhold(
    operators=tuple(
        f"aten::{name}"
        for name in (
            "batch_norm", "native_batch_norm", "_native_batch_norm_legit",
            "_native_batch_norm_legit_functional", "_native_batch_norm_legit_no_training",
            "_batch_norm_with_update", "_batch_norm_with_update_functional",
            "_batch_norm_no_update", "_batch_norm_impl_index", "cudnn_batch_norm",
            "miopen_batch_norm", "batch_norm_elemt", "batch_norm_stats",
            "batch_norm_update_stats", "native_batch_norm_backward", "batch_norm_backward",
            "_batch_norm_impl_index_backward", "cudnn_batch_norm_backward",
            "miopen_batch_norm_backward", "batch_norm_backward_elemt", "layer_norm",
            "native_layer_norm", "native_layer_norm_backward", "group_norm", "native_group_norm",
            "native_group_norm_backward", "instance_norm",
        )
    )
    + (
        "quantized::batch_norm", "quantized::batch_norm1d", "quantized::batch_norm2d",
        "quantized::batch_norm3d", "quantized::layer_norm", "quantized::group_norm",
        "quantized::instance_norm",
    ),
    functions=tuple(
        f"helpers.normalization.{name}"
        for name in (
            "batchnorm_forward", "batchnorm_backward", "batchnorm2d_forward",
            "batchnorm2d_backward", "normalize", "layer_norm", "group_norm", "instance_norm2d",
        )
    ),
)  # fmt: skip

UNFOLD = Withhold(operators=("aten::im2col",), functions=("helpers.convolution.im2col",))
AUTOGRAD = Withhold(autograd=True)
