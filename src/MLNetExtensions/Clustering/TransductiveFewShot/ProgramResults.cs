using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Gathers the solutions of the problems of a batch as they come; of several starts the one with the lowest objective.</summary>
internal sealed class ProgramResults
{
    private readonly ProblemBatch _batch;
    private readonly FewShotTrace? _trace;
    private readonly Solved?[] _best;
    private readonly List<double>[] _objective;

    internal ProgramResults(ProblemBatch batch, FewShotTrace? trace)
    {
        (_batch, _trace) = (batch, trace);
        _best = new Solved?[batch.Count];
        _objective = new List<double>[batch.Count];
    }

    /// <summary>The solution of a problem.</summary>
    internal Solved this[int slot] => _best[slot]!;

    /// <summary>Begins a start.</summary>
    /// <param name="slots">The places of the problems.</param>
    /// <param name="objective">The objective of each; null: none is known.</param>
    internal void Begin(int[] slots, double[]? objective)
    {
        for (var i = 0; i < slots.Length; i++)
        {
            _objective[slots[i]] = objective is null ? [] : [objective[i]];
        }
    }

    /// <summary>Takes down the objective after a round; returns the one before, null: there was none.</summary>
    internal double? Add(int slot, double objective)
    {
        var list = _objective[slot];
        double? before = list.Count > 0 ? list[^1] : null;
        list.Add(objective);
        return before;
    }

    /// <summary>Takes the solutions of some problems.</summary>
    /// <param name="state">The problems that are being solved.</param>
    /// <param name="ends">Those that are solved.</param>
    internal void End(SolverState state, IReadOnlyList<ProblemEnd> ends) => End(state, ends, state.Logs, state.Prototypes);

    /// <summary>Takes the solutions of some problems.</summary>
    /// <param name="state">The problems that are being solved.</param>
    /// <param name="ends">Those that are solved.</param>
    /// <param name="logs">ln S of all problems of the state, [B, K, N].</param>
    /// <param name="prototypes">Their prototypes, [B, K, D].</param>
    internal void End(SolverState state, IReadOnlyList<ProblemEnd> ends, Tensor logs, Tensor prototypes)
    {
        if (ends.Count == 0)
        {
            return;
        }
        using var scope = NewDisposeScope();
        var places = tensor([.. ends.Select(end => (long)end.Place)], device: _batch.Device);
        var slots = tensor([.. ends.Select(end => (long)state.Slots[end.Place])], device: _batch.Device);
        var final = logs.index_select(0, places);
        var c = prototypes.index_select(0, places);
        var label = ProblemBatch.LogOf(_batch.LabelWeights.index_select(0, slots), FewShotSolution.LowestLog);
        var told = where(_batch.Labelled.index_select(0, slots), label, final).clamp_min_(TensorOps.Constant(FewShotSolution.LowestLog));
        if (state.AbsentCosts is { } absent)
        {
            c = c.masked_fill(absent.index_select(0, places).gt(TensorOps.Constant(0)), TensorOps.Constant(double.NaN));
        }
        var toldValues = ProblemBatch.Copy<float>(told.transpose(1, 2).to(ScalarType.Float32));
        var prototypeValues = ProblemBatch.Copy<float>(c.narrow(2, 0, _batch.Dimension).to(ScalarType.Float32));
        var (size, length) = (_batch.RowCount * _batch.Classes, prototypeValues.Length / ends.Count);
        for (var i = 0; i < ends.Count; i++)
        {
            var slot = state.Slots[ends[i].Place];
            var objective = _objective[slot].ToArray();
            if (_best[slot] is { } best && !(objective.Length > 0 && objective[^1] < best.Objective[^1]))
            {
                continue;
            }
            _best[slot] = new(
                toldValues.AsSpan(i * size, _batch.Sizes[slot] * _batch.Classes).ToArray(), prototypeValues.AsSpan(i * length, length).ToArray(), objective, ends[i].Iterations, ends[i].Converged);
            if (_trace is not null)
            {
                var problem = _batch.Problems[slot];
                _trace.FinalAssignments[problem] = _batch.RowMajor(final[i].exp(), slot);
                _trace.FinalPrototypes[problem] = _batch.Values(c[i]);
            }
        }
    }

    /// <summary>The solution of a problem.</summary>
    /// <param name="LogAssignments">ln S, row by row, labelled rows with their label.</param>
    /// <param name="Prototypes">K times D.</param>
    /// <param name="Objective">One number for each round.</param>
    /// <param name="Iterations">The number of rounds or steps.</param>
    /// <param name="Converged">Whether it came to rest.</param>
    internal sealed record Solved(float[] LogAssignments, float[] Prototypes, double[] Objective, int Iterations, bool Converged);
}

/// <summary>How a problem ended.</summary>
/// <param name="Place">Its place in the state.</param>
/// <param name="Iterations">The number of rounds or steps.</param>
/// <param name="Converged">Whether it came to rest.</param>
internal readonly record struct ProblemEnd(int Place, int Iterations, bool Converged);
