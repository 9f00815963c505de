using System.Diagnostics;
using MLNetExtensions.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>One step of training, with the time of its parts.</summary>
/// <param name="loss">The forward pass: the loss of a batch, with the random numbers of the step.</param>
internal abstract class TrainingStep(Func<StepRandom, Tensor> loss) : IDisposable
{
    private readonly List<(double Forward, double Backward, double Optimizer)> _parts = [];

    public void Run()
    {
        using var scope = NewDisposeScope();
        using var random = new StepRandom(seed: 1, epoch: 1, _parts.Count);
        ClearGradients();
        var clock = Stopwatch.StartNew();
        var value = loss(random);
        var forward = clock.Elapsed.TotalSeconds;
        value.backward();
        var backward = clock.Elapsed.TotalSeconds;
        Optimize();
        _parts.Add((forward, backward - forward, clock.Elapsed.TotalSeconds - backward));
    }

    /// <summary>The medians of all steps run.</summary>
    public string Split()
        => $"forward {1000 * Timing.Median(_parts.Select(part => part.Forward)):F1} ms, backward {1000 * Timing.Median(_parts.Select(part => part.Backward)):F1} ms, optimiser {1000 * Timing.Median(_parts.Select(part => part.Optimizer)):F1} ms";

    public abstract void Dispose();

    protected abstract void ClearGradients();

    protected abstract void Optimize();
}

/// <summary>The network as the paper writes it, with TorchSharp's own Adam.</summary>
internal sealed class PlainStep : TrainingStep
{
    private readonly Tensor[] _weights;
    private readonly Parameter[] _aliases;
    private readonly optim.Optimizer _optimizer;

    public PlainStep(ParameterSet parameters, Func<StepRandom, Tensor> loss, double learningRate)
        : base(loss)
    {
        // TorchSharp's optimisers take parameters, the module has tensors: the parameters share their memory.
        _weights = [.. parameters.Items.Select(item => item.Value)];
        _aliases = [.. _weights.Select(weight => new Parameter(weight.detach()))];
        foreach (var alias in _aliases)
        {
            alias.DetachFromDisposeScope();
        }
        _optimizer = optim.Adam(_aliases, learningRate);
    }

    public override void Dispose()
    {
        _optimizer.Dispose();
        foreach (var alias in _aliases)
        {
            alias.Dispose();
        }
    }

    protected override void ClearGradients()
    {
        foreach (var tensor in _weights.Concat(_aliases))
        {
            tensor.grad = null;
        }
    }

    protected override void Optimize()
    {
        for (var i = 0; i < _weights.Length; i++)
        {
            _aliases[i].grad = _weights[i].grad;
        }
        _optimizer.step();
    }
}

/// <summary>The product: fewer operations for the same numbers, and its own optimiser.</summary>
internal sealed class ProductStep(ParameterSet parameters, Func<StepRandom, Tensor> loss, double learningRate, int threads) : TrainingStep(loss)
{
    private readonly Optimizer _optimizer = new([.. parameters.Items.Select(item => item.Value)], OptimizerKind.Adam, numberOfThreads: threads);

    public override void Dispose() => _optimizer.Dispose();

    protected override void ClearGradients() => _optimizer.ClearGradients();

    protected override void Optimize() => _optimizer.Step(learningRate);
}
