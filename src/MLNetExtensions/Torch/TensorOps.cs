using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>
/// Arithmetic between tensors and numbers. TorchSharp's own operators make a <see cref="Scalar"/> whose finalizer may free it while the native call
/// still reads it; the ones here are rooted. A dispose scope must be open around every call: it keeps the tensors alive in the same way.
/// </summary>
internal static class TensorOps
{
    private static readonly ConcurrentDictionary<double, Scalar> s_constants = new();

    /// <summary>1, the weight of plain additions.</summary>
    internal static readonly Scalar One = Constant(1);

    /// <summary>A scalar kept for the life of the process: for the constants of an algorithm, not for values that change from step to step.</summary>
    internal static Scalar Constant(double value) => s_constants.GetOrAdd(value, static v => v.ToScalar());

    internal static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    internal static Tensor Plus(this Tensor a, double constant) => a.add(Constant(constant), One);

    internal static Tensor Minus(this Tensor a, Tensor b) => a.sub(b);

    internal static Tensor Times(this Tensor a, Tensor b) => a.mul(b);

    internal static Tensor Times(this Tensor a, double constant) => a.mul(Constant(constant));

    internal static Tensor DividedBy(this Tensor a, Tensor b) => a.div(b);
}
