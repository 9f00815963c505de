using System.Runtime.ExceptionServices;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tensors;

/// <summary>Infers functional Tucker and CP models.</summary>
internal static class FunctionalTuckerInference
{
    // Of the targets' standard deviation: an error above says that all functions are 0.
    private const double NullError = 0.98;

    // Of the modes; later ones hardly change anything.
    private const int MostPasses = 6;

    // Damped, this many sweeps in a row must change little.
    private const int CalmSweeps = 3;

    /// <summary>Infers a model.</summary>
    /// <param name="coordinates">[N, K], finite, best scaled to [0, 1].</param>
    /// <param name="targets">[N], finite, best standardised.</param>
    /// <param name="shape">The model.</param>
    /// <param name="settings">How to infer it.</param>
    internal static FunctionalTuckerPosterior Fit(double[] coordinates, double[] targets, FunctionalTuckerModelShape shape, FunctionalTuckerSettings settings)
    {
        var entries = new TensorEntries(coordinates, targets, shape.Modes);
        var run = new Run(entries, settings);
        // Afresh once the length scales are chosen: what selection came to still bears traces of those it came by.
        var chosen = settings.LengthScaleGrid is null ? shape : run.Select(shape);
        return run.Finish(run.Start(chosen, FunctionalTuckerPhase.Restarts), FunctionalTuckerPhase.Inference);
    }

    /// <summary>
    /// Takes further rows into a model. What earlier rows said stays as it is, as the prior of what the new ones say; what new rows say is inferred until it converges.
    /// </summary>
    /// <param name="old">The model.</param>
    /// <param name="coordinates">[n, K], scaled as those of the model; further coordinates may be new.</param>
    /// <param name="targets">[n], scaled as those of the model.</param>
    /// <param name="settings">How to infer it; the priors of the noise are those of the model.</param>
    internal static FunctionalTuckerPosterior Update(FunctionalTuckerPosterior old, double[] coordinates, double[] targets, FunctionalTuckerSettings settings)
    {
        var entries = new TensorEntries(coordinates, targets, old.Shape.Modes, Array.ConvertAll(old.Modes, mode => mode.Points));
        var sweeps = new FunctionalTuckerSweeps(entries, old.Shape, settings, old);
        sweeps.Start(old);
        return new Run(entries, settings).Finish(new Trial(sweeps, old.Shape, []), FunctionalTuckerPhase.Update);
    }

    /// <summary>A start as far as it has run.</summary>
    private sealed record Trial(FunctionalTuckerSweeps Sweeps, FunctionalTuckerModelShape Shape, List<double> Bounds)
    {
        internal double Bound => Bounds.Count == 0 ? double.NegativeInfinity : Bounds[^1];

        /// <summary>Whether all functions are 0.</summary>
        internal bool IsNull { get; set; }

        internal bool IsBetterThan(Trial other) => IsNull == other.IsNull ? Bound > other.Bound : other.IsNull;
    }

    private sealed class Run(TensorEntries entries, FunctionalTuckerSettings settings)
    {
        private readonly Lock _reporting = new();

        /// <summary>
        /// Chooses length scales mode by mode, until none changes. Each candidate goes on from where the best so far has come, which compares like with like: bounds of
        /// random starts scatter more than those of length scales.
        /// </summary>
        internal FunctionalTuckerModelShape Select(FunctionalTuckerModelShape shape)
        {
            var grid = settings.LengthScaleGrid!;
            var slack = settings.LengthScaleTolerance * entries.Count;
            var best = Start(shape, FunctionalTuckerPhase.Selection);
            var isChanged = true;
            for (var pass = 0; pass < MostPasses && isChanged; pass++)
            {
                isChanged = false;
                for (var mode = 0; mode < shape.Modes; mode++)
                {
                    var from = best;
                    var trials = new Trial[grid.Length];
                    try
                    {
                        Parallel.For(0, grid.Length, new ParallelOptions { MaxDegreeOfParallelism = settings.Threads }, i =>
                        {
                            double[] scales = [.. from.Shape.LengthScales];
                            scales[mode] = grid[i];
                            trials[i] = Continue(from, from.Shape with { LengthScales = scales });
                        });
                    }
                    catch (AggregateException e)
                    {
                        // A cancellation, or what the listener threw, as it was thrown.
                        ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
                    }
                    var top = trials.Aggregate((one, other) => other.IsBetterThan(one) ? other : one);
                    best = trials.Last(trial => trial.IsNull == top.IsNull && trial.Bound >= top.Bound - slack);
                    isChanged |= best.Shape.LengthScales[mode] != from.Shape.LengthScales[mode];
                }
            }
            return best.Shape;
        }

        /// <summary>The best of several starts. Those that ended where all functions are 0 count only if all did.</summary>
        internal Trial Start(FunctionalTuckerModelShape shape, FunctionalTuckerPhase phase)
        {
            Trial? best = null;
            // A start that ends in the null solution is tried again, a limited number of times.
            for (int start = 0, valid = 0; start < 2 * settings.Restarts && valid < settings.Restarts; start++)
            {
                var trial = new Trial(new FunctionalTuckerSweeps(entries, shape, settings), shape, []);
                trial.Sweeps.Start(new Random((int)StepRandom.Derive(settings.Seed, start, 0)), isWide: start % 2 == 0);
                RunSweeps(trial, Math.Min(settings.RestartSweeps, settings.MaximumSweeps), phase);
                valid += trial.IsNull ? 0 : 1;
                best = best is null || trial.IsBetterThan(best) ? trial : best;
            }
            return best!;
        }

        private Trial Continue(Trial from, FunctionalTuckerModelShape shape)
        {
            if (from.IsNull)
            {
                return Start(shape, FunctionalTuckerPhase.Selection);
            }
            var trial = new Trial(new FunctionalTuckerSweeps(entries, shape, settings), shape, []);
            trial.Sweeps.Start(from.Sweeps);
            RunSweeps(trial, settings.SelectionSweeps, FunctionalTuckerPhase.Selection);
            return trial;
        }

        private void RunSweeps(Trial trial, int sweeps, FunctionalTuckerPhase phase)
        {
            for (var sweep = 0; sweep < sweeps; sweep++)
            {
                Sweep(trial, phase);
            }
            trial.IsNull = trial.Sweeps.TrainingRmse() > NullError * entries.Deviation;
        }

        /// <summary>Runs on until convergence.</summary>
        internal FunctionalTuckerPosterior Finish(Trial trial, FunctionalTuckerPhase phase)
        {
            var isConverged = false;
            var calm = 0;
            var (error, precision) = (double.NaN, double.NaN);
            while (!isConverged && trial.Bounds.Count < settings.MaximumSweeps)
            {
                var before = trial.Bound;
                Sweep(trial, phase);
                if (settings.IsDamped)
                {
                    var (newError, newPrecision) = (trial.Sweeps.TrainingRmse(), trial.Sweeps.NoisePrecision);
                    calm = IsClose(newError, error, 10 * settings.Tolerance) && IsClose(newPrecision, precision, 10 * settings.Tolerance) ? calm + 1 : 0;
                    (error, precision) = (newError, newPrecision);
                    isConverged = calm == CalmSweeps;
                }
                else
                {
                    isConverged = IsClose(trial.Bound, before, settings.Tolerance);
                }
            }
            return trial.Sweeps.ToPosterior(trial.Bounds, isConverged);
        }

        private void Sweep(Trial trial, FunctionalTuckerPhase phase)
        {
            settings.Check();
            trial.Sweeps.Sweep();
            trial.Bounds.Add(trial.Sweeps.Bound);
            if (settings.Report is { } report)
            {
                var progress = new FunctionalTuckerProgress(phase, trial.Bounds.Count, trial.Bound, trial.Sweeps.TrainingRmse(), trial.Sweeps.NoisePrecision, trial.Shape.LengthScales);
                lock (_reporting)
                {
                    report(progress);
                }
            }
        }

        private static bool IsClose(double value, double before, double tolerance) => Math.Abs(value - before) <= tolerance * Math.Abs(value);
    }
}
