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

UNFOLD = Withhold(operators=("aten::im2col",), functions=("helpers.convolution.im2col",))
AUTOGRAD = Withhold(autograd=True)
