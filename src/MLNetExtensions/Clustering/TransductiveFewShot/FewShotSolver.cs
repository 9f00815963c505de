using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Solves few-shot and clustering problems, many at once. Source: Ziko et al., "Transductive Few-Shot Learning: Clustering is All You Need?", arXiv 2106.09516 (2021).</summary>
internal static class FewShotSolver
{
    /// <summary>Problems are solved together until their tensors hold so many numbers.</summary>
    private const long MostElements = 1 << 24;

    /// <summary>Solves them. The solution of a problem does not depend on the others: to the last bit with one thread of libtorch, but for rounding with more.</summary>
    /// <param name="rows">The problems; features without NaN.</param>
    /// <param name="settings">How they are solved.</param>
    /// <param name="baseMean">The mean of the base classes for <see cref="FewShotTransform.CenteredL2"/>; null: for each problem the mean of its rows.</param>
    /// <param name="seeds">Prototypes to start from; null: none.</param>
    /// <param name="device">Where the tensors are.</param>
    /// <param name="seed">Determines the choice of first clusters and approximate searches.</param>
    /// <param name="check">Called between steps; throws to end the work.</param>
    /// <param name="report">Told what is known of the graph of large problems; null: nobody.</param>
    internal static FewShotSolution Solve(FewShotRows rows, FewShotSettings settings, float[]? baseMean, FewShotSeeds? seeds, Device device, ulong seed, Action check, Action<string>? report)
        => Solve(rows, settings, baseMean is null ? null : Array.ConvertAll(baseMean, value => (double)value), seeds, device, seed, check, report, ScalarType.Float32, null);

    /// <inheritdoc cref="Solve(FewShotRows, FewShotSettings, float[], FewShotSeeds, Device, ulong, Action, Action{string})"/>
    /// <param name="rows">The problems; features without NaN.</param>
    /// <param name="settings">How they are solved.</param>
    /// <param name="baseMean">The mean of the base classes; null: for each problem the mean of its rows.</param>
    /// <param name="seeds">Prototypes to start from; null: none.</param>
    /// <param name="device">Where the tensors are.</param>
    /// <param name="seed">Determines the choice of first clusters and approximate searches.</param>
    /// <param name="check">Called between steps; throws to end the work.</param>
    /// <param name="report">Told what is known of the graph of large problems; null: nobody.</param>
    /// <param name="type">Single or Double.</param>
    /// <param name="trace">Takes down every step, for tests; null: nothing does.</param>
    internal static FewShotSolution Solve(
        FewShotRows rows, FewShotSettings settings, double[]? baseMean, FewShotSeeds? seeds, Device device, ulong seed, Action check, Action<string>? report, ScalarType type, FewShotTrace? trace)
    {
        using var noGrad = no_grad();
        var offsets = new long[rows.Count + 1];
        for (var b = 0; b < rows.Count; b++)
        {
            offsets[b + 1] = offsets[b] + (long)rows.Size(b) * rows.Classes[b];
        }
        var logs = new float[offsets[^1]];
        var solution = new FewShotSolution
        {
            LogAssignments = logs,
            Offsets = offsets,
            Prototypes = new float[rows.Count][],
            Shift = new float[rows.Count][],
            Sigma = new double[rows.Count],
            Objective = new double[rows.Count][],
            Iterations = new int[rows.Count],
            Converged = new bool[rows.Count],
        };
        double? recall = null;
        foreach (var problems in Batches(rows))
        {
            check();
            using var scope = NewDisposeScope();
            using var batch = new ProblemBatch(rows, problems, settings, baseMean, type, device);
            var graph = AffinityGraph.Build(batch, settings, seed, check, out var found);
            if (found is { } share)
            {
                recall = Math.Min(recall ?? 1, share);
                report?.Invoke(FormattableString.Invariant($"The search for neighbours in coarse cells found {share:P2} of them (measured on a sample)."));
            }
            var results = new ProgramResults(batch, trace);
            for (var start = 0; start < settings.Restarts; start++)
            {
                using var step = NewDisposeScope();
                // In the upper half, so that neighbouring seeds share no start.
                var (prototypes, absentCosts, isRandom) = batch.Start(settings, seeds, seed + ((ulong)start << 32));
                if (settings.Preset == FewShotPreset.General)
                {
                    new GeneralProgram(batch, graph, settings, trace, check).Run(prototypes, absentCosts, results);
                }
                else
                {
                    new PublishedProgram(batch, graph, settings, trace, check).Run(prototypes, absentCosts, results);
                }
                if (!isRandom)
                {
                    break;
                }
            }
            var shift = ProblemBatch.Copy<float>(batch.Shift.narrow(2, 0, rows.Dimension).to(ScalarType.Float32));
            for (var slot = 0; slot < problems.Length; slot++)
            {
                var (b, solved) = (problems[slot], results[slot]);
                batch.Restore(solved.LogAssignments, logs.AsSpan((int)offsets[b]));
                solution.Prototypes[b] = solved.Prototypes;
                solution.Shift[b] = shift.AsSpan(slot * rows.Dimension, rows.Dimension).ToArray();
                solution.Sigma[b] = SolverState.WidthOfModes(batch, graph, settings, slot);
                solution.Objective[b] = solved.Objective;
                solution.Iterations[b] = solved.Iterations;
                solution.Converged[b] = solved.Converged;
            }
        }
        solution.Recall = recall;
        return solution;
    }

    /// <summary>Problems that are padded to the same number of rows and have the same number of classes, some at a time.</summary>
    private static IEnumerable<int[]> Batches(FewShotRows rows)
    {
        foreach (var group in Enumerable.Range(0, rows.Count).Where(b => rows.Size(b) > 0 && rows.Classes[b] > 0).GroupBy(b => (ProblemBatch.PaddedSize(rows.Size(b)), rows.Classes[b])))
        {
            var (size, classes) = group.Key;
            var together = (int)Math.Clamp(MostElements / ((long)size * Math.Max(rows.Dimension, classes)), 1, int.MaxValue);
            foreach (var problems in group.Chunk(together))
            {
                yield return problems;
            }
        }
    }
}
