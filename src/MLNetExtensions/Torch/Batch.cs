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

internal static class BatchSources
{
    /// <summary>All samples in their order, <paramref name="size"/> at a time. A batch is made when asked for: whoever asks keeps a dispose scope open.</summary>
    internal static IEnumerable<Batch> InOrder(this IBatchSource source, int size)
    {
        int[] indices = [.. Enumerable.Range(0, source.Count)];
        for (int start = 0; start < indices.Length; start += size)
        {
            yield return source.Take(indices.AsSpan(start, Math.Min(size, indices.Length - start)));
        }
    }
}
