using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Torch;

/// <summary>A small network with dropout and a running mean, over samples made from a formula.</summary>
internal sealed class ToyLearner : ILearner, IDisposable
{
    private const int Inputs = 8;
    private const int Hidden = 16;

    private readonly ParameterSet _weights = new();

    internal ToyLearner(int seed)
    {
        using var random = new StepRandom(seed, 0, 0);
        _weights.Add("hidden.weight", Initialization.Uniform(empty(Hidden, Inputs), 0.3, random.Generator));
        _weights.Add("hidden.bias", zeros(Hidden));
        _weights.Add("output.weight", Initialization.Uniform(empty(1, Hidden), 0.3, random.Generator));
        _weights.Add("output.bias", zeros(1));
        _weights.Add("mean", zeros(Inputs), trainable: false);
    }

    /// <summary>Called at the start of each step, with its number over all epochs from 1.</summary>
    internal Action<int>? OnStep { get; set; }

    internal int Steps { get; private set; }

    public IReadOnlyList<KeyValuePair<string, Tensor>> Parameters => [.. _weights.Items.Take(4)];

    public IReadOnlyList<KeyValuePair<string, Tensor>> Buffers => [.. _weights.Items.Skip(4)];

    public Tensor Loss(Batch batch, StepRandom random)
    {
        OnStep?.Invoke(++Steps);
        using (no_grad())
        {
            _weights["mean"].mul_(TensorOps.Constant(0.9)).add_(batch["input"].mean([0]).Times(0.1), TensorOps.One);
        }
        return Loss(batch, x => random.Dropout(x, 0.2));
    }

    public Func<Batch, Tensor> BeginEvaluation() => batch => Loss(batch, x => x);

    public void Dispose() => _weights.Dispose();

    /// <summary>All weights in one array.</summary>
    internal float[] Weights()
    {
        using var scope = NewDisposeScope();
        return [.. _weights.Items.SelectMany(item => item.Value.detach().data<float>().ToArray())];
    }

    private Tensor Loss(Batch batch, Func<Tensor, Tensor> dropout)
    {
        var x = batch["input"].Minus(_weights["mean"]);
        var hidden = dropout(nn.functional.linear(x, _weights["hidden.weight"], _weights["hidden.bias"]).tanh());
        var error = nn.functional.linear(hidden, _weights["output.weight"], _weights["output.bias"]).Minus(batch["target"]);
        return error.Times(error).mean();
    }

    internal sealed class Samples(int count, int first = 0) : IBatchSource
    {
        public int Count => count;

        internal List<int[]> Taken { get; } = [];

        internal bool Records { get; init; }

        public Batch Take(ReadOnlySpan<int> indices)
        {
            if (Records)
            {
                Taken.Add(indices.ToArray());
            }
            var x = new float[indices.Length * Inputs];
            var y = new float[indices.Length];
            for (int row = 0; row < indices.Length; row++)
            {
                for (int i = 0; i < Inputs; i++)
                {
                    x[row * Inputs + i] = MathF.Sin((first + indices[row]) * (i + 1) * 0.7f);
                }
                y[row] = x[row * Inputs] * x[row * Inputs + 1] + x[row * Inputs + 2];
            }
            return new Batch(indices.Length) { ["input"] = tensor(x, [indices.Length, Inputs]), ["target"] = tensor(y, [indices.Length, 1]) };
        }
    }
}
