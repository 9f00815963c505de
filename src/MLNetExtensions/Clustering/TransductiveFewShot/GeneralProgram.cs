using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// The general form: steps of the assignments and updates of the prototypes by turns, until the objective no longer falls. Labelled rows keep their label at every step.
/// </summary>
internal sealed class GeneralProgram(ProblemBatch batch, AffinityGraph graph, FewShotSettings settings, FewShotTrace? trace, Action check)
{
    /// <summary>Solves the batch.</summary>
    /// <param name="prototypes">The prototypes of the start, [B, K, D].</param>
    /// <param name="absentCosts">What is added to the costs of absent classes, [B, K, 1]; null: none is absent.</param>
    /// <param name="results">Takes the solutions.</param>
    internal void Run(Tensor prototypes, Tensor? absentCosts, ProgramResults results)
    {
        using var scope = NewDisposeScope();
        var free = settings.EnforceLabels ? batch.Valid.logical_and(batch.Labelled.logical_not()) : batch.Valid;
        var state = SolverState.Create(batch, graph, settings, prototypes, absentCosts, free, trace);
        try
        {
            Start(state);
            var previous = state.Objective();
            Record(state, previous, start: true);
            results.Begin(state.Slots, previous);
            var rounds = settings.Prototype == FewShotPrototype.Fixed ? 1 : settings.MaxOuter;
            for (var round = 1; ; round++)
            {
                using var relaxation = new Relaxation(state, batch, settings, energy: false, trace);
                relaxation.Run(check);
                if (trace is not null && round == 1)
                {
                    for (var i = 0; i < state.Count; i++)
                    {
                        trace.FirstSteps[batch.Problems[state.Slots[i]]] = relaxation.Steps[i];
                    }
                }
                if (settings.Prototype != FewShotPrototype.Fixed)
                {
                    using var step = NewDisposeScope();
                    var weights = settings.Membership == FewShotMembership.Hard ? ProblemBatch.Best(state.Logs, state.Valid) : state.Assignments;
                    state.UpdatePrototypes(weights, round == 1, check);
                }
                var objective = state.Objective();
                if (settings.Prototype != FewShotPrototype.Fixed)
                {
                    Record(state, objective, start: false);
                }
                var left = new List<long>();
                var ends = new List<ProblemEnd>();
                for (var i = 0; i < state.Count; i++)
                {
                    var isResting = settings.Prototype == FewShotPrototype.Fixed
                        || round > 1 && Math.Abs(previous[i] - objective[i]) <= settings.OuterTolerance * Math.Max(1, Math.Abs(objective[i]));
                    results.Add(state.Slots[i], objective[i]);
                    if (isResting || round >= rounds)
                    {
                        ends.Add(settings.Prototype == FewShotPrototype.Fixed ? new(i, relaxation.Steps[i], relaxation.Ended[i]) : new(i, round, isResting));
                    }
                    else
                    {
                        left.Add(i);
                    }
                }
                results.End(state, ends);
                if (left.Count == 0)
                {
                    return;
                }
                previous = [.. left.Select(i => objective[i])];
                if (left.Count < state.Count)
                {
                    var next = state.Select([.. left]);
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

    private void Start(SolverState state)
    {
        using var scope = NewDisposeScope();
        var logs = nn.functional.log_softmax(state.Costs.div(TensorOps.Constant(-settings.Temperature)), 1);
        // Where labels are not kept, damping would keep rows of infinite certainty for good.
        var pinned = settings.EnforceLabels ? ProblemBatch.LogOf(batch.LabelWeights) : ProblemBatch.LogOf(batch.LabelWeights, FewShotSolution.LowestLog);
        logs = where(batch.Labelled, pinned, logs);
        logs = where(batch.Valid, logs, ProblemBatch.LogOf(zeros_like(logs)));
        var assignments = logs.exp();
        state.SetAssignments(logs, assignments, Relaxation.Neighbors(state.Product, assignments, state.DiagonalShift));
    }

    private void Record(SolverState state, double[] objective, bool start)
    {
        if (trace is null)
        {
            return;
        }
        using var scope = NewDisposeScope();
        for (var i = 0; i < state.Count; i++)
        {
            var slot = state.Slots[i];
            var problem = batch.Problems[slot];
            trace.Objective[problem].Add(objective[i]);
            trace.Prototypes[problem].Add(batch.Values(state.Prototypes[i]));
            if (start)
            {
                trace.Assignments[problem].Add(batch.RowMajor(state.Assignments[i], slot));
                trace.Costs[problem] = batch.RowMajor(state.Costs[i], slot);
            }
        }
    }
}
