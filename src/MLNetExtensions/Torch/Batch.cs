using static TorchSharp.torch;

namespace MLNetExtensions.Torch;

/// <summary>The named tensors of one step (inputs, targets, masks, weights), each with one row per sample. They belong to the step's dispose scope.</summary>
internal sealed class Batch(int count)
{
    private readonly Dictionary<string, Tensor> _tensors = [];

    /// <summary>The number of samples.</summary>
    internal int Count { get; } = count;

    internal Tensor this[string name]
    {
        get => _tensors[name];
        set => _tensors[name] = value;
    }

    /// <summary>The tensor of a name that not all samples have.</summary>
    internal Tensor? Find(string name) => _tensors.GetValueOrDefault(name);
}

/// <summary>Samples, numbered from 0.</summary>
internal interface IBatchSource
{
    /// <summary>The number of samples.</summary>
    int Count { get; }

    /// <summary>The samples with these numbers, on the device of the network; called with a dispose scope open.</summary>
    Batch Take(ReadOnlySpan<int> indices);
}
