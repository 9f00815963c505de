using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// The published programs, step by step as they run: LaplacianShot (fixed prototypes), and the few-shot and clustering programs of Scalable Laplacian K-modes. Their energy
/// counts the graph twice and only decides when they stop.
/// </summary>
internal sealed class PublishedProgram(ProblemBatch batch, AffinityGraph graph, FewShotSettings settings, FewShotTrace? trace, Action check)
{
    /// <summary>Energies are compared from the third on.</summary>
    private const int FirstComparison = 2;

    /// <summary>Solves the batch.</summary>
    /// <param name="prototypes">The prototypes of the start, [B, K, D].</param>
    /// <param name="absentCosts">What is added to the costs of absent classes, [B, K, 1]; null: none is absent.</param>
    /// <param name="results">Takes the solutions.</param>
    internal void Run(Tensor prototypes, Tensor? absentCosts, ProgramResults results)
    {
        using var scope = NewDisposeScope();
        var queriesOnly = settings.GraphOverQueries;
        var free = queriesOnly ? batch.Valid.logical_and(batch.Labelled.logical_not()) : batch.Valid;
        var state = SolverState.Create(batch, graph, settings, prototypes, absentCosts, free, trace);
        try
        {
            results.Begin(state.Slots, null);
            if (queriesOnly)
            {
                RunFixed(state, results);
                return;
            }
            Choose(state);
            for (var round = 0; ; round++)
            {
                var next = Round(state, round, results);
                if (next is null)
                {
                    return;
                }
                if (!ReferenceEquals(next, state))
                {
                    state.Dispose();
                    state = next;
                }
            }
        }
        finally
        {
            state.Dispose();
        }
    }

    private void RunFixed(SolverState state, ProgramResults results)
    {
        StartSteps(state, batch.Labelled, null);
        using var relaxation = new Relaxation(state, batch, settings, energy: true, trace);
        relaxation.Run(check);
        for (var i = 0; i < state.Count; i++)
        {
            results.Add(state.Slots[i], relaxation.Energies[i]);
        }
        results.End(state, [.. Enumerable.Range(0, state.Count).Select(i => new ProblemEnd(i, relaxation.Steps[i], relaxation.Ended[i]))]);
    }

    /// <summary>The nearest prototype of each row, and the label of labelled ones.</summary>
    private void Choose(SolverState state)
    {
        using var scope = NewDisposeScope();
        var distances = state.Points.SquaredDistances(state.Prototypes);
        var nearest = ProblemBatch.Best((state.AbsentCosts is null ? distances : distances.Plus(state.AbsentCosts)).neg(), batch.Valid);
        var chosen = where(batch.Labelled, batch.LabelWeights, nearest);
        state.SetChosen(chosen);
        state.SetAssignments(ProblemBatch.LogOf(chosen), chosen.alias(), zeros_like(chosen));
    }

    /// <summary>A round of all problems; returns those that go on, null: none.</summary>
    private SolverState? Round(SolverState state, int round, ProgramResults results)
    {
        check();
        using var scope = NewDisposeScope();
        // What a problem returns to that loses a class.
        var (logs, prototypes) = (state.Logs.alias(), state.Prototypes.alias());
        var isSoft = settings.Prototype == FewShotPrototype.Mean && round >= settings.SoftMeansFromRound;
        state.UpdatePrototypes(isSoft ? state.Assignments : state.Chosen!, round == 0, check);
        double[] energy;
        var ended = Enumerable.Repeat(true, state.Count).ToArray();
        if (settings.UseGraph)
        {
            StartSteps(state, null, round);
            using var relaxation = new Relaxation(state, batch, settings, energy: true, trace);
            relaxation.Run(check);
            ended = relaxation.Ended;
            state.SetChosen(ProblemBatch.Best(state.Logs, state.Valid));
            energy = ProblemBatch.Copy<double>(state.Costs.Minus(state.Neighbors.Times(settings.Lambda)).mul_(state.Assignments).sum([1, 2], type: ScalarType.Float64));
        }
        else
        {
            var chosen = ProblemBatch.Best(state.Costs.neg(), state.Valid);
            state.SetChosen(chosen);
            state.SetAssignments(ProblemBatch.LogOf(chosen), chosen.alias(), zeros_like(chosen));
            energy = ProblemBatch.Copy<double>(state.Costs.Times(chosen).sum([1, 2], type: ScalarType.Float64));
        }
        var isEmpty = state.Chosen!.sum(2, keepdim: true).eq(TensorOps.Constant(0));
        if (state.AbsentCosts is not null)
        {
            isEmpty.logical_and_(state.AbsentCosts.eq(TensorOps.Constant(0)));
        }
        var lost = ProblemBatch.Copy<bool>(isEmpty.any(1).view(-1));
        var left = new List<long>();
        var ends = new List<ProblemEnd>();
        var returns = new List<ProblemEnd>();
        for (var i = 0; i < state.Count; i++)
        {
            var slot = state.Slots[i];
            if (lost[i])
            {
                returns.Add(new(i, round + 1, false));
                continue;
            }
            Record(state, i, energy[i]);
            var before = results.Add(slot, energy[i]);
            var isResting = round >= FirstComparison && Math.Abs(energy[i] - before!.Value) <= settings.OuterTolerance * Math.Abs(before.Value);
            if (isResting || round + 1 >= settings.MaxOuter)
            {
                ends.Add(new(i, round + 1, isResting && ended[i]));
            }
            else
            {
                left.Add(i);
            }
        }
        results.End(state, ends);
        results.End(state, returns, logs, prototypes);
        return left.Count == 0 ? null : left.Count == state.Count ? state : state.Select([.. left]);
    }

    /// <summary>The softmax of the costs.</summary>
    /// <param name="state">What is changed.</param>
    /// <param name="leftOut">The rows without part, Bool [B, 1, N]; null: those of padding, and labelled rows start with their label.</param>
    /// <param name="round">The round; null: the only one.</param>
    private void StartSteps(SolverState state, Tensor? leftOut, int? round)
    {
        using var scope = NewDisposeScope();
        var logs = nn.functional.log_softmax(state.Costs.div(TensorOps.Constant(-settings.Temperature)), 1);
        if (leftOut is null)
        {
            var places = tensor([.. state.Slots.Select(slot => (long)slot)], device: batch.Device);
            logs = where(batch.Labelled.index_select(0, places), ProblemBatch.LogOf(batch.LabelWeights.index_select(0, places)), logs);
        }
        else
        {
            logs = where(leftOut, ProblemBatch.LogOf(zeros_like(logs)), logs);
        }
        logs = where(state.Valid, logs, ProblemBatch.LogOf(zeros_like(logs)));
        var assignments = logs.exp();
        state.SetAssignments(logs, assignments, Relaxation.Neighbors(state.Product, assignments, state.DiagonalShift));
        if (trace is not null && round is null or 0)
        {
            for (var i = 0; i < state.Count; i++)
            {
                var problem = batch.Problems[state.Slots[i]];
                trace!.Assignments[problem].Add(batch.RowMajor(state.Assignments[i], state.Slots[i]));
                trace.Costs[problem] = batch.RowMajor(state.Costs[i], state.Slots[i]);
            }
        }
    }

    private void Record(SolverState state, int i, double energy)
    {
        if (trace is null)
        {
            return;
        }
        using var scope = NewDisposeScope();
        var slot = state.Slots[i];
        var problem = batch.Problems[slot];
        trace.RoundEnergy[problem].Add(energy);
        trace.Prototypes[problem].Add(batch.Values(state.Prototypes[i]));
        trace.RoundAssignments[problem].Add(batch.RowMajor(state.Assignments[i], slot));
    }
}
