using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>
/// The steps of the assignments with the same prototypes: each row takes the softmax of its costs and of its neighbours' assignments, all rows from the same state before.
/// Problems whose steps have ended do not change any more and leave now and then.
/// </summary>
internal sealed class Relaxation : IDisposable
{
    private readonly SolverState _state;
    private readonly FewShotSettings _settings;
    private readonly FewShotTrace? _trace;
    private readonly ProblemBatch _batch;
    private readonly double _tolerance;
    private readonly bool _energy;
    private readonly double _temperature;
    private readonly bool _onHost;

    // Of the problems that still take part.
    private long[] _places;
    private GraphProduct _product;
    private Tensor _free;
    private Tensor _costs;
    private Tensor? _shift;
    private Tensor _base;
    private Tensor _pull;
    private Tensor? _stay;
    private Tensor _logs;
    private Tensor _assignments;
    private Tensor _neighbors;
    private Tensor _moving;
    private Tensor _steps;
    private Tensor _last;

    /// <summary>Begins with the state as it is.</summary>
    /// <param name="state">What is changed.</param>
    /// <param name="batch">The problems.</param>
    /// <param name="settings">How they are solved.</param>
    /// <param name="energy">Whether steps end as in the published programs: when their energy no longer changes.</param>
    /// <param name="trace">Takes down each step; null: nothing does.</param>
    internal Relaxation(SolverState state, ProblemBatch batch, FewShotSettings settings, bool energy, FewShotTrace? trace)
    {
        (_state, _batch, _settings, _trace, _energy) = (state, batch, settings, trace, energy);
        _tolerance = settings.InnerTolerance;
        _temperature = settings.Temperature;
        _places = [.. Enumerable.Range(0, state.Count).Select(i => (long)i)];
        _product = state.Product;
        using var scope = NewDisposeScope();
        _free = state.Free.alias().DetachFromDisposeScope();
        _costs = state.Costs.alias().DetachFromDisposeScope();
        _shift = state.DiagonalShift?.alias().DetachFromDisposeScope();
        var softness = state.Damping.Plus(_temperature);
        _base = state.Costs.div(softness).neg_().DetachFromDisposeScope();
        _pull = softness.reciprocal().mul_(TensorOps.Constant(settings.Lambda)).DetachFromDisposeScope();
        _stay = settings.Stabilize == FewShotStabilization.Damping ? state.Damping.div(softness).DetachFromDisposeScope() : null;
        _onHost = SoftmaxStep.CanRun(state.Logs);
        // Copies: on the host they are changed in place.
        _logs = state.Logs.clone().contiguous().DetachFromDisposeScope();
        _assignments = state.Assignments.clone().contiguous().DetachFromDisposeScope();
        _neighbors = state.Neighbors.clone().contiguous().DetachFromDisposeScope();
        _moving = ones(state.Count, dtype: ScalarType.Bool, device: batch.Device).DetachFromDisposeScope();
        _steps = zeros(state.Count, dtype: ScalarType.Float64, device: batch.Device).DetachFromDisposeScope();
        _last = zeros(state.Count, dtype: ScalarType.Float64, device: batch.Device).DetachFromDisposeScope();
        Steps = new int[state.Count];
        Ended = new bool[state.Count];
        Energies = new double[state.Count];
    }

    /// <summary>The number of steps of each problem.</summary>
    internal int[] Steps { get; }

    /// <summary>Whether the steps of each problem ended before they were used up.</summary>
    internal bool[] Ended { get; }

    /// <summary>The last energy of each problem.</summary>
    internal double[] Energies { get; }

    /// <summary>Takes all steps.</summary>
    internal void Run(Action check)
    {
        var between = ProblemBatch.StepsBetweenQuestions(_batch.Device);
        for (var step = 0; step < _settings.MaxInner; step++)
        {
            check();
            Step(step);
            if ((step + 1) % between == 0)
            {
                var left = ProblemBatch.Places(_moving);
                if (left.Length == 0)
                {
                    break;
                }
                if (ProblemBatch.IsWorthSelecting(left.Length, _places.Length))
                {
                    Store();
                    Select(left);
                }
            }
        }
        Store();
    }

    private void Step(int step)
    {
        using var scope = NewDisposeScope();
        var change = _onHost ? ChangeOnHost() : Change();
        if (_batch.IsLarge)
        {
            _product.Apply(_assignments, _neighbors);
            if (_shift is not null)
            {
                _neighbors.add_(_assignments.Times(_shift), TensorOps.One);
            }
        }
        else
        {
            Set(ref _neighbors, Neighbors(_product, _assignments, _shift).contiguous());
        }
        Tensor moving;
        if (_energy)
        {
            var energy = Energy(_costs, _logs, _assignments, _neighbors);
            var difference = energy.Minus(_last).abs_();
            moving = step > 1 ? _moving.logical_and(difference.gt(_last.abs().mul_(TensorOps.Constant(_tolerance)))) : _moving.alias();
            Record(trace => trace.StepEnergy, () => ProblemBatch.Copy<double>(energy));
            Set(ref _last, energy);
        }
        else
        {
            moving = _moving.logical_and(change.ge(TensorOps.Constant(_tolerance)));
            Record(trace => trace.Objective, () => ProblemBatch.Copy<double>(SolverState.Objective(_costs, _logs, _assignments, _neighbors, _settings)));
        }
        RecordAssignments(_assignments);
        _steps.add_(_moving, TensorOps.One);
        Set(ref _moving, moving);
    }

    /// <summary>New assignments; the largest change of each problem, [B].</summary>
    private Tensor Change()
    {
        using var scope = NewDisposeScope();
        // Not by addcmul: it rounds once or twice, as the shape of the batch makes it, and a problem's numbers must not depend on its neighbours.
        var values = _base.Plus(_neighbors.Times(_pull));
        if (_stay is not null)
        {
            values.add_(_logs.Times(_stay), TensorOps.One);
        }
        var changes = _free.logical_and(_moving.view(-1, 1, 1));
        var logs = where(changes, nn.functional.log_softmax(values, 1), _logs);
        var assignments = logs.exp();
        var change = assignments.Minus(_assignments).abs_().amax([1, 2]);
        Set(ref _logs, logs);
        Set(ref _assignments, assignments);
        return change.MoveToOuterDisposeScope();
    }

    private Tensor ChangeOnHost()
    {
        var changes = SoftmaxStep.Run(
            new(_base, _neighbors, _logs, _assignments, _free), ProblemBatch.Copy<bool>(_moving), ProblemBatch.Copy<float>(_pull),
            _stay is null ? new float[_places.Length] : ProblemBatch.Copy<float>(_stay));
        return tensor(changes, device: CPU);
    }

    /// <summary>W S, with the weight that rows have as neighbours of themselves.</summary>
    internal static Tensor Neighbors(GraphProduct product, Tensor assignments, Tensor? shift)
        => shift is null ? product.Apply(assignments) : product.Apply(assignments).Plus(assignments.Times(shift));

    /// <summary>The energy of the published programs, in which the graph counts twice as much as in the objective.</summary>
    private Tensor Energy(Tensor costs, Tensor logs, Tensor assignments, Tensor neighbors)
        => costs.Plus(logs.Times(_temperature)).sub_(neighbors.Times(_settings.Lambda)).mul_(assignments).sum([1, 2], type: ScalarType.Float64);

    /// <summary>Puts what the problems of now have come to into the state.</summary>
    private void Store()
    {
        using var scope = NewDisposeScope();
        if (_places.Length == _state.Count)
        {
            _state.SetAssignments(_logs.alias(), _assignments.alias(), _neighbors.alias());
        }
        else
        {
            var places = tensor(_places, device: _batch.Device);
            _state.Logs.index_copy_(0, places, _logs);
            _state.Assignments.index_copy_(0, places, _assignments);
            _state.Neighbors.index_copy_(0, places, _neighbors);
        }
        var steps = ProblemBatch.Copy<double>(_steps);
        var moving = ProblemBatch.Copy<bool>(_moving);
        var energies = ProblemBatch.Copy<double>(_last);
        for (var i = 0; i < _places.Length; i++)
        {
            (Steps[_places[i]], Ended[_places[i]], Energies[_places[i]]) = ((int)steps[i], !moving[i], energies[i]);
        }
    }

    private void Select(long[] left)
    {
        using var scope = NewDisposeScope();
        var chosen = tensor(left, device: _batch.Device);
        long[] places = [.. left.Select(i => _places[i])];
        var product = _state.CreateProduct(places);
        if (!ReferenceEquals(_product, _state.Product))
        {
            _product.Dispose();
        }
        (_places, _product) = (places, product);
        void Pick(ref Tensor tensor) => Set(ref tensor, tensor.index_select(0, chosen));
        Pick(ref _free);
        if (_energy || _trace is not null)
        {
            Pick(ref _costs);
        }
        Pick(ref _base);
        Pick(ref _pull);
        Pick(ref _logs);
        Pick(ref _assignments);
        Pick(ref _neighbors);
        Pick(ref _moving);
        Pick(ref _steps);
        Pick(ref _last);
        if (_shift is not null)
        {
            Pick(ref _shift);
        }
        if (_stay is not null)
        {
            Pick(ref _stay);
        }
    }

    private static void Set(ref Tensor place, Tensor value)
    {
        place.Dispose();
        place = value.DetachFromDisposeScope();
    }

    private void RecordAssignments(Tensor assignments)
    {
        if (_trace is not null)
        {
            var moving = ProblemBatch.Copy<bool>(_moving);
            for (var i = 0; i < _places.Length; i++)
            {
                if (moving[i])
                {
                    var slot = _state.Slots[_places[i]];
                    _trace.Assignments[_batch.Problems[slot]].Add(_batch.RowMajor(assignments[i], slot));
                }
            }
        }
    }

    private void Record(Func<FewShotTrace, List<double>[]> lists, Func<double[]> values)
    {
        if (_trace is not null)
        {
            var moving = ProblemBatch.Copy<bool>(_moving);
            var numbers = values();
            for (var i = 0; i < _places.Length; i++)
            {
                if (moving[i])
                {
                    lists(_trace)[_batch.Problems[_state.Slots[_places[i]]]].Add(numbers[i]);
                }
            }
        }
    }

    public void Dispose()
    {
        if (!ReferenceEquals(_product, _state.Product))
        {
            _product.Dispose();
        }
        foreach (var tensor in new[] { _free, _costs, _shift, _base, _pull, _stay, _logs, _assignments, _neighbors, _moving, _steps, _last })
        {
            tensor?.Dispose();
        }
    }
}
