using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>The state of those problems of a batch that are not solved yet. Tensors are [B, K, N] unless said otherwise.</summary>
internal sealed class SolverState : IDisposable
{
    private readonly ProblemBatch _batch;
    private readonly AffinityGraph _graph;
    private readonly FewShotSettings _settings;

    private SolverState(ProblemBatch batch, AffinityGraph graph, FewShotSettings settings, int[] slots)
        => (_batch, _graph, _settings, Slots) = (batch, graph, settings, slots);

    /// <summary>The places of the problems in the batch.</summary>
    internal int[] Slots { get; }

    internal int Count => Slots.Length;

    internal required FewShotPoints Points { get; init; }

    internal required bool OwnsPoints { get; init; }

    /// <summary>Which rows are none of the padding, Bool [B, 1, N].</summary>
    internal required Tensor Valid { get; init; }

    /// <summary>Which rows the steps change, Bool [B, 1, N].</summary>
    internal required Tensor Free { get; init; }

    /// <summary>σ, [B, 1, 1].</summary>
    internal required Tensor Sigma { get; init; }

    /// <summary>μ, [B, 1, 1].</summary>
    internal required Tensor Damping { get; init; }

    /// <summary>δ, [B, 1, 1]; null: 0.</summary>
    internal required Tensor? DiagonalShift { get; init; }

    /// <summary>What the costs of absent classes are raised by, [B, K, 1]; null: none is absent.</summary>
    internal required Tensor? AbsentCosts { get; init; }

    /// <summary>[B, K, D].</summary>
    internal required Tensor Prototypes { get; set; }

    /// <summary>A.</summary>
    internal required Tensor Costs { get; set; }

    /// <summary>ln S.</summary>
    internal required Tensor Logs { get; set; }

    /// <summary>S.</summary>
    internal required Tensor Assignments { get; set; }

    /// <summary>W S.</summary>
    internal required Tensor Neighbors { get; set; }

    /// <summary>The best class of each row in published programs.</summary>
    internal Tensor? Chosen { get; set; }

    internal required GraphProduct Product { get; init; }

    /// <summary>The width of modes of a problem.</summary>
    internal static double WidthOfModes(ProblemBatch batch, AffinityGraph graph, FewShotSettings settings, int slot)
    {
        var square = graph.SquareSums[slot] / ((double)settings.SigmaDivisor * batch.Sizes[slot]);
        return settings.Sigma ?? (square > 0 ? Math.Sqrt(square) : 1);
    }

    /// <summary>The state before the first step, without assignments.</summary>
    /// <param name="batch">The problems.</param>
    /// <param name="graph">Their graph.</param>
    /// <param name="settings">How they are solved.</param>
    /// <param name="prototypes">[B, K, D].</param>
    /// <param name="absentCosts">[B, K, 1]; null: no class is absent.</param>
    /// <param name="free">Which rows the steps change, Bool [B, 1, N].</param>
    /// <param name="trace">Takes down what was chosen; null: nothing does.</param>
    internal static SolverState Create(ProblemBatch batch, AffinityGraph graph, FewShotSettings settings, Tensor prototypes, Tensor? absentCosts, Tensor free, FewShotTrace? trace)
    {
        using var scope = NewDisposeScope();
        var (sigma, damping, shift) = (new double[batch.Count], new double[batch.Count], new double[batch.Count]);
        for (var b = 0; b < batch.Count; b++)
        {
            sigma[b] = WidthOfModes(batch, graph, settings, b);
            var reach = settings.Lambda * graph.LargestDegrees[b];
            damping[b] = settings.Stabilize == FewShotStabilization.Damping ? Math.Max(0, (reach / 2 - settings.Temperature) / 2) : 0;
            shift[b] = settings.Stabilize == FewShotStabilization.DiagonalShift && settings.Lambda > 0 ? Math.Max(0, graph.LargestDegrees[b] - 2 * settings.Temperature / settings.Lambda) : 0;
            if (trace is not null)
            {
                var problem = batch.Problems[b];
                (trace.Sigma[problem], trace.Damping[problem], trace.DiagonalShift[problem]) = (sigma[b], damping[b], shift[b]);
                (trace.LargestDegree[problem], trace.Graph[problem]) = (graph.LargestDegrees[b], graph.ToDense(b, batch.Sizes[b]));
                trace.Features[problem] = batch.Values(batch.Points.Features[b].narrow(0, 0, batch.Sizes[b]));
            }
        }
        var sigmas = Each(sigma);
        var costs = PrototypeUpdate.Costs(settings, batch.Points, prototypes, sigmas, absentCosts);
        int[] slots = [.. Enumerable.Range(0, batch.Count)];
        return new(batch, graph, settings, slots)
        {
            Points = batch.Points,
            OwnsPoints = false,
            Valid = batch.Valid.alias().DetachFromDisposeScope(),
            Free = free.alias().DetachFromDisposeScope(),
            Sigma = sigmas.DetachFromDisposeScope(),
            Damping = Each(damping).DetachFromDisposeScope(),
            DiagonalShift = shift.Any(delta => delta > 0) ? Each(shift).DetachFromDisposeScope() : null,
            AbsentCosts = absentCosts?.alias().DetachFromDisposeScope(),
            Prototypes = prototypes.alias().DetachFromDisposeScope(),
            Costs = costs.DetachFromDisposeScope(),
            Logs = zeros_like(costs).DetachFromDisposeScope(),
            Assignments = zeros_like(costs).DetachFromDisposeScope(),
            Neighbors = zeros_like(costs).DetachFromDisposeScope(),
            Product = graph.Product(slots, batch.Sums, batch.Type, batch.Device),
        };

        Tensor Each(double[] values) => tensor(values, device: CPU).to(batch.Type, batch.Device).view(-1, 1, 1);
    }

    /// <summary>The state of some of the problems.</summary>
    internal SolverState Select(long[] places)
    {
        using var scope = NewDisposeScope();
        var chosen = tensor(places, device: _batch.Device);
        Tensor Pick(Tensor tensor) => tensor.index_select(0, chosen).DetachFromDisposeScope();
        int[] slots = [.. places.Select(place => Slots[place])];
        return new(_batch, _graph, _settings, slots)
        {
            Points = Points.Select(chosen),
            OwnsPoints = true,
            Valid = Pick(Valid),
            Free = Pick(Free),
            Sigma = Pick(Sigma),
            Damping = Pick(Damping),
            DiagonalShift = DiagonalShift is null ? null : Pick(DiagonalShift),
            AbsentCosts = AbsentCosts is null ? null : Pick(AbsentCosts),
            Prototypes = Pick(Prototypes),
            Costs = Pick(Costs),
            Logs = Pick(Logs),
            Assignments = Pick(Assignments),
            Neighbors = Pick(Neighbors),
            Chosen = Chosen is null ? null : Pick(Chosen),
            Product = CreateProduct(places),
        };
    }

    /// <summary>The graph of some of the problems.</summary>
    internal GraphProduct CreateProduct(long[] places)
        => _graph.Product([.. places.Select(place => Slots[place])], _batch.Sums, _batch.Type, _batch.Device);

    /// <summary>Puts the prototypes of weights in the place of those before, and their costs.</summary>
    internal void UpdatePrototypes(Tensor weights, bool first, Action check)
    {
        using var scope = NewDisposeScope();
        Replace(this, PrototypeUpdate.Prototypes(_settings, Points, weights, Assignments, Prototypes, Sigma, first, check));

        static void Replace(SolverState state, Tensor prototypes)
        {
            state.Prototypes.Dispose();
            state.Prototypes = prototypes.DetachFromDisposeScope();
            state.Costs.Dispose();
            state.Costs = PrototypeUpdate.Costs(state._settings, state.Points, prototypes, state.Sigma, state.AbsentCosts).DetachFromDisposeScope();
        }
    }

    /// <summary>Puts assignments in the place of those before.</summary>
    internal void SetAssignments(Tensor logs, Tensor assignments, Tensor neighbors)
    {
        Logs.Dispose();
        Assignments.Dispose();
        Neighbors.Dispose();
        (Logs, Assignments, Neighbors) = (logs.DetachFromDisposeScope(), assignments.DetachFromDisposeScope(), neighbors.DetachFromDisposeScope());
    }

    internal void SetChosen(Tensor chosen)
    {
        Chosen?.Dispose();
        Chosen = chosen.DetachFromDisposeScope();
    }

    /// <summary>J of each problem.</summary>
    internal double[] Objective()
    {
        using var scope = NewDisposeScope();
        return ProblemBatch.Copy<double>(Objective(Costs, Logs, Assignments, Neighbors, _settings));
    }

    internal static Tensor Objective(Tensor costs, Tensor logs, Tensor assignments, Tensor neighbors, FewShotSettings settings)
        => costs.Plus(logs.Times(settings.Temperature)).sub_(neighbors.Times(settings.Lambda / 2)).mul_(assignments).sum([1, 2], type: ScalarType.Float64);

    public void Dispose()
    {
        if (OwnsPoints)
        {
            Points.Dispose();
        }
        Product.Dispose();
        foreach (var tensor in new[] { Valid, Free, Sigma, Damping, DiagonalShift, AbsentCosts, Prototypes, Costs, Logs, Assignments, Neighbors, Chosen })
        {
            tensor?.Dispose();
        }
    }
}
