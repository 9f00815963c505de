using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Matrices [N, d] whose rows have length 1.</summary>
internal static class UnitRows
{
    private const double SmallestNorm = 1e-12;

    /// <summary>Divides each row by its length, in place.</summary>
    internal static Tensor Normalize(Tensor vectors)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var norms = vectors.Times(vectors).sum(1, keepdim: true).sqrt_().clamp_min_(TensorOps.Constant(SmallestNorm));
        vectors.div_(norms);
        return vectors;
    }

    /// <summary>Random directions.</summary>
    internal static Tensor Random(int count, int dimension, int seed, int attempt, ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        using var random = new StepRandom(seed, 0, attempt);
        // Drawn in double precision, so that a set in single precision starts from the same directions.
        var vectors = Initialization.Normal(empty(count, dimension, dtype: ScalarType.Float64, device: CPU), 1, random.Generator);
        return Normalize(vectors).to(dtype, device).MoveToOuterDisposeScope();
    }
}
