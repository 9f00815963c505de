using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Further vectors beside a set that must stay as it is.</summary>
internal static class BasisExtension
{
    /// <summary>The multiply-adds up to which the cosines are optimised; some 25 seconds of one core.</summary>
    private const double MostWork = 1e12;

    /// <summary>
    /// Makes vectors at right angles to the others and to each other where there is room, else as near to that as the smooth maximum brings them; random directions beside so many that it would take long.
    /// </summary>
    /// <param name="vectors">[N, d], unit rows.</param>
    /// <param name="count">How many to make.</param>
    /// <param name="seed">Decides which.</param>
    /// <param name="cancellation">Heard within each step.</param>
    /// <returns>[count, d], Float32 on the CPU.</returns>
    internal static Tensor Make(Tensor vectors, int count, int seed, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (known, dimension) = ((int)vectors.size(0), (int)vectors.size(1));
        var old = vectors.to(ScalarType.Float64).cpu();
        var start = UnitRows.Random(count, dimension, seed, 1, ScalarType.Float64, CPU);
        if (known + count <= dimension)
        {
            // Twice, for what rounding left of the first time.
            var (columns, _) = linalg.qr(old.t());
            for (var i = 0; i < 2; i++)
            {
                start = start.Minus(start.mm(columns).mm(columns.t()));
            }
            var (further, _) = linalg.qr(start.t());
            return UnitRows.Normalize(further.t().contiguous()).to(ScalarType.Float32).MoveToOuterDisposeScope();
        }
        var settings = new EquiangularBasisSettings { Count = known + count, Dimension = dimension, Seed = seed };
        if (1.5 * settings.Count * settings.Count * dimension * settings.Schedule.Steps > MostWork)
        {
            return start.to(ScalarType.Float32).MoveToOuterDisposeScope();
        }
        using var run = new SmoothMaximum(cat([old, start], 0), settings.Schedule, get_num_threads(), frozen: known);
        var (best, _) = run.Run(settings.LowerBound, cancellation);
        return UnitRows.Normalize(best.narrow(0, known, count).contiguous()).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}
