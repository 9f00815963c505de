using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Torch;

/// <summary>One weight that counts the steps (its gradient is always -1), and losses that a test writes down.</summary>
internal sealed class ScriptedLearner : ILearner, IBatchSource, IDisposable
{
    private readonly ParameterSet _weights = new();
    private readonly IEnumerator<double> _validationLosses;

    internal ScriptedLearner(params double[] validationLosses)
    {
        _validationLosses = validationLosses.AsEnumerable().GetEnumerator();
        _weights.Add("count", zeros(1, ScalarType.Float64));
        _weights.Add("buffer", zeros(1, ScalarType.Int64), trainable: false);
    }

    /// <summary>The number of steps so far, as trained into the weight.</summary>
    internal int Weight
    {
        get
        {
            using var scope = NewDisposeScope();
            Assert.AreEqual((long)Math.Round(_weights["count"].item<double>()), _weights["buffer"].item<long>(), "weights and buffers are of the same epoch");
            return (int)_weights["buffer"].item<long>();
        }
    }

    /// <summary>The training loss of a step, counted from 1 over all epochs.</summary>
    internal Func<int, double> TrainingLoss { get; init; } = _ => 1;

    internal int Steps { get; private set; }

    /// <summary>For each finished epoch whether it was the best so far.</summary>
    internal List<bool> Best { get; } = [];

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [_weights.Items[0]];

    public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => [_weights.Items[1]];

    // Two batches of one sample each.
    public int Count => 2;

    public Batch Take(ReadOnlySpan<int> indices) => new(indices.Length);

    public Tensor Loss(Batch batch, StepRandom random)
    {
        Steps++;
        _weights["buffer"].copy_(tensor((long)Steps));
        Assert.IsTrue(is_grad_enabled());
        var count = _weights["count"];
        return count.detach().Minus(count).sum().Plus(tensor(TrainingLoss(Steps), ScalarType.Float64));
    }

    public Func<Batch, Tensor> BeginEvaluation()
    {
        Assert.IsFalse(is_grad_enabled());
        _validationLosses.MoveNext();
        var loss = tensor(_validationLosses.Current, ScalarType.Float64);
        return _ => loss;
    }

    public void EndEpoch(bool isBest) => Best.Add(isBest);

    public void Dispose() => _weights.Dispose();
}
